"""The least that any worker on these services must do: receive, write, delete. It reads nothing and remembers nothing.

Messages are gathered (up to a hundred, ten a call), put into the table 25 a call as they are, and deleted ten a call.
`boto3`: tuned as one would who cares, without checks of parameters and with a connection for each thread. `ours`:
through the worker's own clients, receiver, store and settler, in batches of the worker's size.

    python -m benchmarks.copying boto3    # or ours; settings come from the environment, as the worker's do
"""

import sys
import threading
from collections.abc import Callable
from typing import Any

import boto3
from botocore.config import Config

from email_activity.aws.clients import dynamodb_client, sqs_client
from email_activity.domain.chunks import chunks
from email_activity.ingest.queue import find_queue
from email_activity.ingest.receive import Receiver
from email_activity.ingest.settle import Settler
from email_activity.ingest.store import Store
from email_activity.settings import Settings, load_settings

#: Of a batch: four full puts.
BATCH = 100

#: SQS's and DynamoDB's limits of one call.
MESSAGES = 10
ITEMS = 25

SORT_KEY = "BODY"


def with_boto3(settings: Settings) -> Callable[[], None]:
    """One round of a thread."""
    config = Config(
        parameter_validation=False,
        max_pool_connections=settings.threads_per_process,
        retries={"mode": "standard", "total_max_attempts": 2},
    )
    session = boto3.Session(region_name=settings.aws_region)
    sqs = session.client("sqs", endpoint_url=settings.aws_endpoint_url, config=config)
    dynamodb = session.client("dynamodb", endpoint_url=settings.aws_endpoint_url, config=config)
    url, table = sqs.get_queue_url(QueueName=settings.events_queue)["QueueUrl"], settings.activity_table

    def receive() -> list[dict[str, Any]]:
        batch: list[dict[str, Any]] = []
        while len(batch) < BATCH:
            wait = 0 if batch else settings.receive_wait_seconds
            answer = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=MESSAGES, WaitTimeSeconds=wait)
            received = answer.get("Messages", [])
            batch += received
            if len(received) < MESSAGES:
                break
        return batch

    def once() -> None:
        batch = receive()
        for part in chunks(batch, ITEMS):
            puts = {table: [{"PutRequest": {"Item": _item(each["MessageId"], each["Body"])}} for each in part]}
            while puts:
                puts = dynamodb.batch_write_item(RequestItems=puts)["UnprocessedItems"]
        for part in chunks(batch, MESSAGES):
            entries = [{"Id": str(n), "ReceiptHandle": each["ReceiptHandle"]} for n, each in enumerate(part)]
            while entries:
                failed = {
                    each["Id"] for each in sqs.delete_message_batch(QueueUrl=url, Entries=entries).get("Failed", [])
                }
                entries = [each for each in entries if each["Id"] in failed]

    return once


def _item(message_id: str, body: str) -> dict[str, Any]:
    return {"pk": {"S": message_id}, "sk": {"S": SORT_KEY}, "body": {"S": body}}


def with_our_clients(settings: Settings) -> Callable[[], None]:
    """One round of a thread."""
    sqs, store = sqs_client(settings), Store(dynamodb_client(settings), settings.activity_table)
    queue = find_queue(sqs, settings)
    receiver = Receiver(sqs, queue.url, settings, stopping=lambda: False)
    settler = Settler(sqs, queue)

    def once() -> None:
        batch = receiver.receive()
        stored = store.put([{"pk": each.id, "sk": SORT_KEY, "body": each.body} for each in batch])
        settler.delete([each for each in batch if (each.id, SORT_KEY) in stored.written])

    return once


def main() -> None:
    settings = load_settings()
    once = {"boto3": with_boto3, "ours": with_our_clients}[sys.argv[1]](settings)

    def work() -> None:
        while True:  # until it is killed
            once()

    for _ in range(settings.threads_per_process):
        threading.Thread(target=work).start()


if __name__ == "__main__":
    main()
