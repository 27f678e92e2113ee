"""What one worker has begun no other begins, for as long as it lives; and no longer."""

import signal
import threading
import time
from pathlib import Path

from boto3.dynamodb.types import TypeSerializer

from chaos.held import claims_on, held_until
from chaos.kills import Kills
from chaos.proxy import AwsProxy
from email_activity.domain.facts import Key
from email_activity.redis_client.commands import RedisCommands
from events import Email, Event, raw
from harness import Site, eventually
from integration.test_whole_path import facts_of

#: Seconds. The lease of Site's workers, the shortest there is.
LEASE = 5

#: Seconds. A lease that outlasts a stall of the machine between two extensions, and a visibility timeout hardly longer.
LONG_LEASE = 12
VISIBILITY = 15


def activity_key(event: Event) -> Key:
    (key,) = [key for key in facts_of(event) if key[1].startswith("EVENT#")]
    return key


def test_a_batch_that_takes_long_is_received_once_and_its_claims_are_kept(site: Site) -> None:
    site.cloud.sqs.set_queue_attributes(QueueUrl=site.made.queue_url, Attributes={"VisibilityTimeout": str(VISIBILITY)})
    events = [Email().send() for _ in range(8)]  # one receive has room for them all
    released = threading.Event()
    alone, given = ("--concurrency", "1"), {"LEASE_SECONDS": str(LONG_LEASE), "THREADS_PER_PROCESS": "1"}
    with AwsProxy(site.made.endpoint_url) as slow, AwsProxy(site.made.endpoint_url) as quick:
        slow.fault("BatchWriteItem", held_until(released))
        site.send([raw(event) for event in events])
        with site.worker(*alone, app="patient", AWS_ENDPOINT_URL=slow.endpoint_url, **given):
            eventually(lambda: slow.calls["BatchWriteItem"] and site.waiting()[0] == 0)
            begun, in_hand = time.monotonic(), slow.receives.keys()
            with site.worker(*alone, AWS_ENDPOINT_URL=quick.endpoint_url, **given) as other:
                eventually(lambda: quick.calls["ReceiveMessage"])
                time.sleep(max(0, begun + VISIBILITY + 2 - time.monotonic()))
                site.send([raw(events[0])])  # now the first lease and the first timeout would be over
                eventually(lambda: other.said('"held": 1'))
                assert site.items().keys().isdisjoint(map(activity_key, events))
                released.set()
                site.drained()
                assert {slow.receives[message] for message in in_hand} == {1}
                (copy,) = quick.receives  # seen held by this one, and then seen done by either
                assert max(quick.receives[copy], slow.receives.get(copy, 0)) == 2
    assert site.items() == facts_of(*events)


def test_a_fact_whose_owner_died_is_taken_over_when_the_lease_ends(site: Site, commands: RedisCommands) -> None:
    """And not looked at before: each look counts towards the dead-letter queue."""
    event, lease = Email().send(), 2 * LEASE
    dead = claims_on(site, commands, lease)
    with (
        AwsProxy(site.made.endpoint_url) as proxy,
        site.worker(AWS_ENDPOINT_URL=proxy.endpoint_url, LEASE_SECONDS=str(lease)) as worker,
    ):
        eventually(lambda: proxy.calls["ReceiveMessage"])
        site.drained()  # of what SES says when a destination is made
        dead.claim([activity_key(event)])
        site.send([raw(event)])
        eventually(lambda: worker.said('"held": 1'))
        while True:
            most = max(proxy.receives.values())
            (holder,) = commands.run([("GET", dead._name(activity_key(event)))])
            if holder != dead._token:  # it ended, or is the worker's already
                break
            assert most == 1
            time.sleep(0.1)
        site.drained()
        assert max(proxy.receives.values()) == 2
    assert site.items() == facts_of(event)


def test_a_message_is_deleted_at_once_if_another_worker_stored_its_fact(site: Site, commands: RedisCommands) -> None:
    event = Email().send()
    key, released = activity_key(event), threading.Event()
    other = claims_on(site, commands, 2 * LEASE)
    with AwsProxy(site.made.endpoint_url) as proxy, site.worker(AWS_ENDPOINT_URL=proxy.endpoint_url):
        proxy.fault("BatchWriteItem", held_until(released))
        other.claim([key])
        site.send([raw(event)])
        eventually(lambda: proxy.calls["BatchWriteItem"])  # of the recipient fact, which is written all the same
        item = {name: TypeSerializer().serialize(value) for name, value in facts_of(event)[key].items()}
        site.cloud.dynamodb.put_item(TableName=site.made.table_name, Item=item)
        other.commit([key])
        released.set()
        site.drained()
        assert max(proxy.receives.values()) == 1
    assert site.items() == facts_of(event)


def test_a_claim_that_was_never_committed_hides_no_event(site: Site, tmp_path: Path) -> None:
    """The worker dies between its claim and the write; what comes next is another copy, not the message itself."""
    events = [Email().send() for _ in range(8)]
    kills = Kills(tmp_path)
    kills.arm("claim", "worker")
    site.send([raw(event) for event in events])
    longer = {"LEASE_SECONDS": str(LONG_LEASE)}  # so that the claims of the dead still stand when the copies come
    with kills.worker(site, **longer) as worker:
        hit = kills.hit("claim", "worker")
        assert worker.process.wait(60) == -signal.SIGKILL
    assert site.items() == {}
    # SQS may still give a message to a long poll of the dead; it would be hidden until its visibility ends.
    time.sleep(2)
    site.send([raw(event) for event in events])
    with site.worker(**longer):
        eventually(lambda: site.items() == facts_of(*events), within=60)
        # The copies only: the messages themselves are hidden for two minutes.
        assert site.waiting()[1] >= len(hit.messages)
