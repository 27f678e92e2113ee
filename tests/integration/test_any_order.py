"""Any order, any repetition, any split over workers: the same table, item by item, on DynamoDB Local and Valkey."""

import itertools
import uuid
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from email_activity.activity.query import ActivityTable
from email_activity.activity.status import status
from email_activity.domain.worker_process import ThisProcess
from email_activity.ingest.circuit_breaker import CircuitBreaker
from email_activity.ingest.claims import Claims
from email_activity.ingest.crash_suspects import CrashSuspects
from email_activity.ingest.heartbeat import Heartbeat
from email_activity.ingest.pipeline import Pipeline
from email_activity.ingest.queue import Queue
from email_activity.ingest.receive import Message
from email_activity.ingest.reported_kinds import ReportedKinds
from email_activity.ingest.settle import Settler
from email_activity.ingest.store import Store
from email_activity.ingest.table_identity import TableIdentity
from email_activity.redis_client.commands import RedisCommands
from email_activity.ses.tracking_policy import tracking_policy
from events import ANA, BEN, CLEO, FORMS, KINDS, Email, Event, as_identity_notification
from harness import Site

receipts = itertools.count()


class NoQueue:
    """SQS has no part in this: a message that comes back is offered again by the test."""

    def __init__(self) -> None:
        self.returned: set[str] = set()

    def delete_message_batch(self, Entries, **_: object) -> dict[str, object]:  # noqa: N803  boto3's own
        return {"Successful": Entries}

    def change_message_visibility_batch(self, Entries, **_: object) -> dict[str, object]:  # noqa: N803
        self.returned |= {entry["ReceiptHandle"] for entry in Entries}
        return {"Successful": Entries}


def message(body: str, receive_count: int = 1) -> Message:
    now = datetime.now(UTC)
    return Message(str(uuid.uuid4()), str(next(receipts)), body, receive_count, now, now)


def work(site: Site, claims_of: str, messages: Sequence[Message]) -> None:
    """What one worker does with its share, until nothing comes back."""
    queue, settings_ = NoQueue(), site.settings
    commands = RedisCommands(settings_.redis)
    pipeline = Pipeline(
        receiver=None,  # type: ignore[arg-type]  its messages are given
        policy=tracking_policy(settings_),
        new_claims=lambda _: Claims(commands, claims_of, 5, 60),
        table=Store(site.cloud.dynamodb, settings_.activity_table),
        settler=Settler(queue, Queue("", "", 120)),  # type: ignore[arg-type]
        breaker=CircuitBreaker({}),
        heartbeat=Heartbeat(),
        table_identity=TableIdentity(site.cloud.dynamodb, settings_.activity_table, process := ThisProcess()),
        reported_kinds=ReportedKinds(settings_.retention),
        this_process=process,
        suspects=CrashSuspects(commands),
    )
    left, receive_count = list(messages), 1
    while left:
        pipeline.process(left)
        receive_count += 1
        left = [message(each.body, receive_count) for each in left if each.receipt_handle in queue.returned]
    commands.close()


def empty(site: Site) -> None:
    for pk, sk in site.items():
        site.cloud.dynamodb.delete_item(TableName=site.made.table_name, Key={"pk": {"S": pk}, "sk": {"S": sk}})


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
def shared_site(localstack: str, redis_url: str, tmp_path_factory: pytest.TempPathFactory) -> Site:
    return Site.make(localstack, redis_url, f"order-{uuid.uuid4().hex[:8]}", tmp_path_factory.mktemp("site"))


@settings(max_examples=8, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(data=st.data(), events=histories())
def test_any_order_repetition_and_split_gives_the_same_table_and_statuses(
    shared_site: Site, data: st.DataObject, events: list[Event]
) -> None:
    site = shared_site
    empty(site)
    forms = st.sampled_from(list(FORMS.values()))

    work(site, uuid.uuid4().hex, [message(data.draw(forms)(event)) for event in events])
    once = site.items()

    empty(site)
    repeated = data.draw(st.permutations([*events, *data.draw(st.lists(st.sampled_from(events), max_size=8))]))
    bodies = [data.draw(forms)(event) for event in repeated]
    cut = data.draw(st.integers(0, len(bodies)))
    claims = uuid.uuid4().hex
    with ThreadPoolExecutor(2) as workers:
        shares = [[message(body) for body in share] for share in (bodies[:cut], bodies[cut:])]
        list(workers.map(lambda share: work(site, claims, share), shares))

    assert site.items() == once
    table = ActivityTable(site.cloud.dynamodb, site.made.table_name)
    for email_id in {event["mail"]["messageId"] for event in events}:
        facts = table.facts(email_id)
        assert status(email_id, facts) == status(email_id, facts[::-1] + facts)
