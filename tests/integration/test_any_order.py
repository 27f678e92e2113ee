"""Any order, any repetition, any split over workers: the same table, item by item, on DynamoDB Local and Valkey."""

import itertools
import uuid
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any

import pytest
import redis
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from email_activity.activity.query import ActivityTable
from email_activity.activity.status import status
from email_activity.ingest.model import Message
from email_activity.redis_client.commands import RedisCommands
from events import ANA, BEN, CLEO, FORMS, KINDS, Email, Event, as_identity_notification
from fakesite import FakeSite
from harness import Site
from servers import valkey

receipts = itertools.count()


def message(body: str, receive_count: int = 1) -> Message:
    now = datetime.now(UTC)
    return Message(str(uuid.uuid4()), str(next(receipts)), body, receive_count, now, now)


def work(site: Site, messages: Sequence[Message]) -> None:
    """What one worker does with its share, until nothing comes back. SQS has no part in this."""
    worker: Any = FakeSite()
    worker.dynamodb, worker.table = site.cloud.dynamodb, site.made.table_name
    worker.redis = RedisCommands(site.settings.redis)
    pipeline = worker.pipeline()
    left, receive_count = list(messages), 1
    while left:
        pipeline.process(left)
        receive_count += 1
        left = [message(each.body, receive_count) for each in left if each.receipt_handle in worker.sqs.returned]
    worker.redis.close()


def empty(site: Site) -> None:
    for pk, sk in site.items():
        site.cloud.dynamodb.delete_item(TableName=site.made.table_name, Key={"pk": {"S": pk}, "sk": {"S": sk}})
    with redis.Redis.from_url(site.environment["REDIS_URL"]) as claims:
        claims.flushall()


@st.composite
def histories(draw: st.DrawFn) -> list[Event]:
    """Some events of a few emails, each perhaps in two fullnesses."""
    emails = [
        Email(to=to, document_id=f"2026-{number}")
        for number, to in enumerate([(ANA,), (ANA, BEN), (BEN, CLEO, ANA)][: draw(st.integers(1, 3))])
    ]
    makers = st.lists(st.tuples(st.sampled_from(emails), st.sampled_from(list(KINDS))), min_size=1, max_size=12)
    events = [KINDS[kind](email) for email, kind in draw(makers)]
    also = draw(st.sets(st.sampled_from(range(len(events)))))
    return events + [as_identity_notification(event) for number, event in enumerate(events) if number in also]


@pytest.fixture(scope="module")
def shared_site(localstack: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with valkey() as server:
        folder, prefix = tmp_path_factory.mktemp("site"), f"order-{uuid.uuid4().hex[:8]}"
        yield Site.make(localstack, server.connection_url, prefix, folder)


@settings(max_examples=8, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(data=st.data(), events=histories())
def test_any_order_repetition_and_split_gives_the_same_table_and_statuses(
    shared_site: Site, data: st.DataObject, events: list[Event]
) -> None:
    site = shared_site
    empty(site)
    forms = st.sampled_from(list(FORMS.values()))

    work(site, [message(data.draw(forms)(event)) for event in events])
    once = site.items()

    empty(site)
    repeated = data.draw(st.permutations([*events, *data.draw(st.lists(st.sampled_from(events), max_size=8))]))
    bodies = [data.draw(forms)(event) for event in repeated]
    cut = data.draw(st.integers(0, len(bodies)))
    with ThreadPoolExecutor(2) as workers:
        shares = [[message(body) for body in share] for share in (bodies[:cut], bodies[cut:])]
        list(workers.map(lambda share: work(site, share), shares))

    assert site.items() == once
    table = ActivityTable(site.cloud.dynamodb, site.made.table_name)
    for email_id in {event["mail"]["messageId"] for event in events}:
        facts = table.facts(email_id)
        assert status(email_id, facts) == status(email_id, facts[::-1] + facts)
