"""What a test may hold: calls on their way to AWS, and facts in Redis, as another worker does."""

import threading

from chaos.faults import Fault, Line
from chaos.wire import Call, Outcome
from email_activity.ingest.claims import Claims, namespace
from email_activity.redis_client.commands import RedisCommands
from harness import Site

#: Seconds. Longer than any caller waits.
LONGEST = 180


def held_until(released: threading.Event) -> Fault:
    def act(call: Call, line: Line) -> Outcome:
        released.wait(LONGEST)
        return line.forward(call)

    return Fault("held", act)


def claims_on(site: Site, commands: RedisCommands, lease_seconds: int) -> Claims:
    """Of one more batch on the site's table."""
    table = site.cloud.dynamodb.describe_table(TableName=site.made.table_name)["Table"]
    space = namespace(table["TableArn"], table["CreationDateTime"].isoformat())
    return Claims(commands, space, lease_seconds, site.settings.dedupe_window_seconds)
