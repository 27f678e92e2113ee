"""An account's day, as the worker would have stored it: emails of the mix's shapes, through the project's own pure
core, into the table.

Beside the day, each account has one document of one email and one of three.
"""

import random
import re
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from multiprocessing import get_context
from pathlib import Path

import boto3
from botocore.exceptions import BotoCoreError, ClientError

from benchmarks.mix import CLICKS, EMAILS, HEADERS, NAMES, OPENS, OTHERS, TAGS
from email_activity.aws.clients import dynamodb_client
from email_activity.domain.facts import key_of
from email_activity.ingest.store import Store
from email_activity.ses.interpret import interpret
from email_activity.ses.tracking_policy import TrackingPolicy
from email_activity.settings import Settings
from events import BROWSER, GMAIL_PROXY, Email, Event, raw

#: Emails stored by one task: 50 times twenty, about 4,000 items.
TASK = 1_000

#: Processes that store, each on one core: most of it is botocore and the pure core.
PROCESSES = 2

#: The key under which LocalStack keeps the tables of its account 000000000000 in us-east-1 in DynamoDB Local.
NAMESPACE = "000000000000useast1"

#: A second and a third email about one document come minutes later.
RESENT = timedelta(minutes=10)


@dataclass(frozen=True, slots=True)
class Day:
    """emails: sent at even distances over the day that begins at `start` (UTC)."""

    account: str
    start: datetime
    emails: int

    @property
    def end(self) -> datetime:
        return self.start + timedelta(days=1)

    def made(self, since: int, until: int) -> Iterator[Event]:
        """The events of the emails from number `since` on, before `until`; both are multiples of twenty."""
        chance = random.Random(f"{self.account} {since}")
        for first in range(since, until, EMAILS):
            emails = [self._email(chance, number) for number in range(first, min(first + EMAILS, until))]
            yield from (event for email in emails for event in (email.send(), email.delivery(at=email.after(2))))
            yield from (email.open(chance.choice((BROWSER, BROWSER, GMAIL_PROXY))) for email in emails[:OPENS])
            yield from (email.click(f"https://pay.sender.example/i/{first}") for email in emails[:CLICKS])
            yield OTHERS[first // EMAILS % len(OTHERS)](emails[-1])

    def _email(self, chance: random.Random, number: int) -> Email:
        at = self.start + timedelta(days=1) * number / self.emails
        return Email(
            to=(f"{chance.choice(NAMES)}.{number}@client-{number % 997}.example",),
            document_id=f"{self.account}-{number:07}",
            account=self.account,
            sent_at=at.replace(microsecond=at.microsecond // 1000 * 1000),
            sender="Sender Billing <billing@sender.example>",
            subject=f"Invoice 2026-{number:07} of Sender GmbH",
            tags=TAGS,
            headers={**HEADERS, "Message-ID": f"<{number:x}.billing@sender.example>"},
        )

    def documents(self) -> tuple[list[Email], Sequence[Event]]:
        """Invoices of another account about one document, sent once and three times, and what became of them."""
        first = Email(document_id=f"{self.account}-once", account=f"{self.account}-few", sent_at=self.start)
        again = [
            Email(document_id=f"{self.account}-thrice", account=first.account, sent_at=self.start + number * RESENT)
            for number in range(3)
        ]
        emails = [first, *again]
        return emails, [event for each in emails for event in (each.send(), each.delivery(), each.open(), each.click())]


def store(settings: Settings, events: Sequence[Event] | Iterator[Event], now: datetime) -> int:
    """Items stored, each key counted once."""
    facts = [
        fact.to_item()
        for event in events
        for reading in interpret(
            raw(event), TrackingPolicy(), recorded_at=now, sent_at=now, message_id="benchmark"
        ).events
        for fact in reading.facts
    ]
    items = {key_of(item): item for item in facts}
    stored = Store(dynamodb_client(settings), settings.activity_table).put(list(items.values()))
    assert not stored.unprocessed, stored.failure
    assert not stored.refused, stored.refused
    return len(items)


def _store_part(settings: Settings, day: Day, since: int, now: datetime) -> int:
    return store(settings, day.made(since, min(since + TASK, day.emails)), now)


def fill(settings: Settings, day: Day, now: datetime) -> int:
    """Items stored."""
    # Spawned, since the caller has threads and open connections.
    with ProcessPoolExecutor(PROCESSES, mp_context=get_context("spawn")) as pool:
        parts = [pool.submit(_store_part, settings, day, since, now) for since in range(0, day.emails, TASK)]
        return sum(part.result() for part in parts)


def dynamodb_local(table: str, region: str) -> Mapping[str, str] | None:
    """What to set so as to reach the DynamoDB Local behind LocalStack that has this table.

    None where it cannot be found: LocalStack in a container, or no /proc.
    """
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError, ClientError, BotoCoreError):
            arguments = (process / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
            found = re.search(r"DynamoDBLocal\.jar.* -port (\d+)", arguments)
            if not found:
                continue
            endpoint, keys = (
                f"http://127.0.0.1:{found[1]}",
                {"aws_access_key_id": NAMESPACE, "aws_secret_access_key": "-"},
            )
            boto3.client("dynamodb", region, endpoint_url=endpoint, **keys).describe_table(TableName=table)
            return {"AWS_ENDPOINT_URL": endpoint} | {name.upper(): value for name, value in keys.items()}
    return None
