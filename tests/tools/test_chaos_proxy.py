"""The proxy makes the faults that it names, and its watch bites: each way to lose a message is caught."""

import json
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from typing import Any

import boto3
import pytest
from boto3.dynamodb.types import TypeSerializer
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from chaos.faults import (
    Fault,
    duplicate,
    error,
    expired_credentials,
    failed,
    friendly_200,
    hang,
    lost_answer,
    refuse,
    reset,
    slow,
    throttle,
    unprocessed,
)
from chaos.proxy import AwsProxy
from email_activity.domain.errors import code_of
from email_activity.ingest.model import Message
from email_activity.ingest.receive import message_from_sqs
from email_activity.ingest.store import Store
from events import Email, lambda_sqs, raw
from harness import Site, eventually
from reading import items_of

FAILURES = (ClientError, BotoCoreError)


def client(service: str, endpoint_url: str) -> Any:
    """Of boto3, without retries, so that each call is one."""
    config = Config(retries={"total_max_attempts": 1}, read_timeout=10)
    return boto3.client(service, region_name="us-east-1", endpoint_url=endpoint_url, config=config)  # type: ignore[call-overload]


class FakeWorker:
    """A batch in plain boto3. What a test takes from it, or turns around, is what the watch must see."""

    def __init__(self, site: Site, proxy: AwsProxy) -> None:
        self.sqs, self.dynamodb = client("sqs", proxy.endpoint_url), client("dynamodb", proxy.endpoint_url)
        self.site = site
        self.serialize = TypeSerializer().serialize

    def receive(self) -> list[Message]:
        answer = self.sqs.receive_message(
            QueueUrl=self.site.made.queue_url,
            MaxNumberOfMessages=10,
            WaitTimeSeconds=1,
            MessageSystemAttributeNames=["All"],
        )
        return [message_from_sqs(each) for each in answer.get("Messages", [])]

    def write(self, messages: list[Message]) -> dict:
        """One call, and what DynamoDB said."""
        requests = [
            {"PutRequest": {"Item": {name: self.serialize(value) for name, value in item.items()}}}
            for item in items_of(message.body for message in messages).values()
        ]
        return self.dynamodb.batch_write_item(RequestItems={self.site.made.table_name: requests})

    def quarantine(self, message: Message) -> None:
        self.sqs.send_message(
            QueueUrl=self.site.made.dead_letter_queue_url,
            MessageBody=message.body,
            MessageAttributes={"message_id": {"DataType": "String", "StringValue": message.id}},
        )

    def delete(self, messages: list[Message]) -> dict:
        entries = [{"Id": str(number), "ReceiptHandle": each.receipt_handle} for number, each in enumerate(messages)]
        return self.sqs.delete_message_batch(QueueUrl=self.site.made.queue_url, Entries=entries)


@pytest.fixture(scope="module")
def shared_site(localstack: str, redis_url: str, tmp_path_factory: pytest.TempPathFactory) -> Site:
    """Without the text that SES sends when its destination is made."""
    site = Site.make(localstack, redis_url, f"t{uuid.uuid4().hex[:12]}", tmp_path_factory.mktemp("site"))
    eventually(lambda: site.waiting() == (1, 0))
    return site


@pytest.fixture
def site(shared_site: Site) -> Site:
    """With empty queues; the table keeps what other tests wrote."""
    for url in (shared_site.made.queue_url, shared_site.made.dead_letter_queue_url):
        shared_site.cloud.sqs.purge_queue(QueueUrl=url)
    return shared_site


@pytest.fixture
def sends() -> list[str]:
    """Of three new emails; each comes to two facts."""
    return [raw(Email().send()) for _ in range(3)]


@contextmanager
def at_work(site: Site) -> Iterator[tuple[AwsProxy, FakeWorker]]:
    with AwsProxy(site.made.endpoint_url) as proxy:
        worker = FakeWorker(site, proxy)
        yield proxy, worker
        worker.sqs.close()
        worker.dynamodb.close()


@contextmanager
def caught(site: Site, text: str) -> Iterator[tuple[AwsProxy, FakeWorker]]:
    """The watch objects to what is done in here, in these words."""
    with pytest.raises(AssertionError, match=text), at_work(site) as both:
        yield both


def remain(site: Site) -> int:
    return sum(site.waiting())


def facts_in(site: Site, bodies: list[str]) -> set[tuple[str, str]]:
    return items_of(bodies).keys() & site.items().keys()


UNREADABLE = "no event at all"


def test_a_worker_that_writes_quarantines_and_then_deletes_is_not_objected_to(site: Site, sends: list[str]) -> None:
    untracked = raw(Email(document_type="contract").send())
    old = raw(Email(sent_at=datetime(2020, 1, 1, tzinfo=UTC)).send())
    half = lambda_sqs(sends[0], UNREADABLE)
    site.send([*sends, UNREADABLE, half, untracked, old])
    with at_work(site) as (proxy, worker):
        messages = worker.receive()
        assert not worker.write(messages)["UnprocessedItems"]
        for message in messages:
            if message.body in (UNREADABLE, half):
                worker.quarantine(message)
        assert not worker.delete(messages).get("Failed")
        assert proxy.receives == {message.id: 1 for message in messages}
        assert proxy.calls == {"ReceiveMessage": 1, "BatchWriteItem": 1, "SendMessage": 2, "DeleteMessageBatch": 1}
    assert remain(site) == 0


def test_a_delete_before_the_write_is_caught_and_not_carried_out(site: Site, sends: list[str]) -> None:
    """In a batch, and by itself."""
    site.send(sends)
    with caught(site, r"never offered(.|\n)*DeleteMessage of") as (_, worker):
        messages = worker.receive()
        with suppress(*FAILURES):
            worker.delete(messages[:2])
        with suppress(*FAILURES):
            worker.sqs.delete_message(QueueUrl=site.made.queue_url, ReceiptHandle=messages[2].receipt_handle)
        worker.write(messages)
    assert remain(site) == 3


def test_taking_unprocessed_items_for_written_is_caught(site: Site, sends: list[str]) -> None:
    site.send(sends)
    with caught(site, "offered to the table") as (proxy, worker):
        proxy.fault("BatchWriteItem", unprocessed(0.5))
        messages = worker.receive()
        left = worker.write(messages)["UnprocessedItems"][site.made.table_name]
        assert 0 < len(left) < 6
        assert len(facts_in(site, sends)) == 6 - len(left)
        with suppress(*FAILURES):
            worker.delete(messages)
    assert remain(site) == 3


@pytest.mark.parametrize("fault", [reset(), refuse(), throttle(), friendly_200()], ids=lambda fault: fault.name)
def test_taking_a_lost_write_for_done_is_caught(site: Site, sends: list[str], fault: Fault) -> None:
    site.send(sends)
    with caught(site, "offered to the table") as (proxy, worker):
        proxy.fault("BatchWriteItem", fault)
        messages = worker.receive()
        with suppress(*FAILURES):
            worker.write(messages)
        with suppress(*FAILURES):
            worker.delete(messages)
    assert facts_in(site, sends) == set()
    assert remain(site) == 3


def test_a_write_whose_answer_was_lost_is_a_write(site: Site, sends: list[str]) -> None:
    """Whatever the worker was told: the table is asked, not the worker."""
    site.send(sends)
    with at_work(site) as (proxy, worker):
        proxy.fault("BatchWriteItem", lost_answer())
        messages = worker.receive()
        with pytest.raises(FAILURES):
            worker.write(messages)
        worker.delete(messages)
    assert remain(site) == 0


@pytest.mark.parametrize("is_taken", [True, False], ids=["not sent", "not taken by SQS"])
def test_what_cannot_be_read_needs_a_dead_letter(site: Site, is_taken: bool) -> None:
    site.send([UNREADABLE, UNREADABLE])
    with caught(site, "not in the dead-letter queue") as (proxy, worker):
        one, other = worker.receive()
        worker.quarantine(one)
        worker.delete([one])
        if not is_taken:
            proxy.fault("SendMessage", friendly_200())
            worker.quarantine(other)
        with suppress(*FAILURES):
            worker.delete([other])
    assert remain(site) == 1


@pytest.mark.parametrize("done", ["written", "quarantined"])
def test_a_message_with_a_good_and_a_bad_event_needs_both(site: Site, sends: list[str], done: str) -> None:
    site.send([lambda_sqs(sends[0], UNREADABLE)])
    with caught(site, r"not in the (table|dead-letter queue)") as (_, worker):
        messages = worker.receive()
        if done == "written":
            worker.write(messages)
        else:
            worker.quarantine(messages[0])
        with suppress(*FAILURES):
            worker.delete(messages)
    assert remain(site) == 1


def test_what_the_table_refuses_for_good_may_go_to_the_dead_letter_queue(site: Site) -> None:
    too_large = raw(Email().click(link="https://pay.example/" + "x" * 420_000))
    site.send([too_large])
    with at_work(site) as (_, worker):
        messages = worker.receive()
        Store(worker.dynamodb, site.made.table_name).put(list(items_of([too_large]).values()))
        worker.quarantine(messages[0])
        worker.delete(messages)
    assert remain(site) == 0


def test_changing_facts_and_sending_to_the_events_queue_are_caught(site: Site) -> None:
    key = {"pk": {"S": "a"}, "sk": {"S": "b"}}
    table, queue = site.made.table_name, site.made.queue_url
    with caught(site, r"UpdateItem.*\n.*DeleteItem.*\n.*DeleteRequest.*\n.*SendMessage") as (_, worker):
        worker.receive()
        for change in (
            lambda: worker.dynamodb.update_item(TableName=table, Key=key),
            lambda: worker.dynamodb.delete_item(TableName=table, Key=key),
            lambda: worker.dynamodb.batch_write_item(RequestItems={table: [{"DeleteRequest": {"Key": key}}]}),
            lambda: worker.sqs.send_message(QueueUrl=queue, MessageBody="again"),
        ):
            with pytest.raises(ClientError, match="RefusedByTheWatch"):
                change()


#: With what boto3 makes of each.
SEEN = [
    (throttle(), "ProvisionedThroughputExceededException"),
    (error("ServiceUnavailable", 503), "ServiceUnavailable"),
    (expired_credentials(), "ExpiredTokenException"),
    (reset(), "ConnectionClosedError"),
    (refuse(), "ConnectionClosedError"),
    (lost_answer(), "ConnectionClosedError"),
]


@pytest.mark.parametrize(
    ("of", "fault", "wanted"),
    [
        *(("ReceiveMessage", *each) for each in SEEN),
        ("sqs", *SEEN[0]),
        ("*", *SEEN[0]),
        ("*", hang(30), "ReadTimeoutError"),
    ],
    ids=lambda each: getattr(each, "name", None),
)
def test_a_caller_sees_the_fault_and_afterwards_none(
    site: Site, sends: list[str], of: str, fault: Fault, wanted: str
) -> None:
    site.send(sends[:1])
    with at_work(site) as (proxy, worker):
        proxy.fault(of, fault)
        with pytest.raises(FAILURES) as caught:
            worker.receive()
        assert code_of(caught.value) == wanted
        assert proxy.injected == {fault.name: 1}
        proxy.clear()
        found = [message.id for message in worker.receive()]
        # A receive whose answer was lost hides its messages all the same, as on SQS.
        assert len(found) == (0 if fault.name == "lost_answer" else 1)
        assert list(proxy.receives.values()) == [1]


def test_an_answer_that_is_slow_comes_whole(site: Site) -> None:
    with at_work(site) as (proxy, worker):
        proxy.fault("dynamodb", slow(0.5))
        start = time.monotonic()
        assert worker.dynamodb.describe_table(TableName=site.made.table_name)["Table"]
        assert time.monotonic() - start >= 0.5


def test_a_share_of_calls_meets_the_fault_and_other_operations_none(site: Site) -> None:
    with at_work(site) as (proxy, worker):
        proxy.fault("DescribeTable", throttle(), reset(), share=0.5)
        failures = 0
        for _ in range(40):
            try:
                worker.dynamodb.describe_table(TableName=site.made.table_name)
            except FAILURES:
                failures += 1
        assert 5 < failures < 35
        assert sum(proxy.injected.values()) == failures
        assert len(proxy.injected) == 2
        worker.receive()


def test_a_batch_fails_in_part_and_that_part_is_not_carried_out(site: Site) -> None:
    site.send([raw(Email(document_type="contract").send()) for _ in range(8)])
    with at_work(site) as (proxy, worker):
        proxy.fault("DeleteMessageBatch", failed(0.5))
        answer = worker.delete(worker.receive())
        assert 0 < len(answer["Failed"]) < 8
        assert remain(site) == len(answer["Failed"])


def test_a_duplicate_is_delivered_to_another_receive(site: Site, sends: list[str]) -> None:
    site.send(sends)
    with at_work(site) as (proxy, worker):
        proxy.fault("ReceiveMessage", duplicate(1.0))
        first = {message.id for message in worker.receive()}
        assert {message.id for message in worker.receive()} == first
        assert set(proxy.receives.values()) == {2}


def test_bodies_pass_unchanged_to_the_byte(site: Site) -> None:
    odd = json.dumps({"text": 'ä \u2028 \U0001f4e7 \\ " </>'}, ensure_ascii=False)
    with at_work(site) as (_, worker):
        worker.sqs.send_message(QueueUrl=site.made.dead_letter_queue_url, MessageBody=odd)
    assert [body for body, _ in site.dead_letters()] == [odd]


def test_a_proxy_whose_upstream_is_gone_looks_gone() -> None:
    with AwsProxy("http://127.0.0.1:1") as proxy:
        sqs = client("sqs", proxy.endpoint_url)
        with pytest.raises(BotoCoreError):
            sqs.list_queues()
        sqs.close()
