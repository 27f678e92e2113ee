"""SQS's operations on messages. A request is applied when it was read; its answer leaves after the delay.

A long poll is answered a delay after it was woken.
"""

import re
import time
from collections import Counter
from collections.abc import Mapping, Sequence

import msgspec

from benchmarks.stub import requests
from benchmarks.stub.answers import Answers, ServiceError, encode
from benchmarks.stub.delay import DelayLine
from benchmarks.stub.messages import Form, Message, number_of
from benchmarks.stub.queues import Queue, Waiter
from benchmarks.stub.registry import Registry
from benchmarks.stub.server import Connection, Handler

#: https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/quotas-messages.html
MAX_MESSAGES = 10
MAX_ENTRIES = 10
MAX_WAIT_SECONDS = 20
MAX_VISIBILITY_SECONDS = 43_200

#: Bytes of a message with its attributes, and of all of a batch.
MAX_BYTES = 1_048_576

#: Bytes of payload that are billed as one request, https://aws.amazon.com/sqs/pricing/
CHUNK = 65_536

ENTRY_ID = re.compile(r"[A-Za-z0-9_-]{1,80}")

_receive = msgspec.json.Decoder(requests.Receive, strict=False).decode
_delete = msgspec.json.Decoder(requests.Delete).decode
_delete_batch = msgspec.json.Decoder(requests.DeleteBatch).decode
_visibility = msgspec.json.Decoder(requests.Visibility, strict=False).decode
_visibility_batch = msgspec.json.Decoder(requests.VisibilityBatch, strict=False).decode
_send = msgspec.json.Decoder(requests.Send, strict=False).decode
_send_batch = msgspec.json.Decoder(requests.SendBatch, strict=False).decode


class Sqs:
    """entries: of each operation that has several. more_chunks: billed beyond the one that each call is billed as."""

    def __init__(self, registry: Registry, answers: Answers, line: DelayLine) -> None:
        self._registry = registry
        self._answers = answers
        self._line = line
        self._forms: dict[tuple[tuple[str, ...], ...], Form] = {}
        self.clear()

    def clear(self) -> None:
        self.entries: Counter[str] = Counter()
        self.empty_receives = 0
        self.more_chunks = 0

    def handlers(self) -> Mapping[bytes, Handler]:
        return {
            b"AmazonSQS.ReceiveMessage": self._receive_message,
            b"AmazonSQS.DeleteMessage": self._delete_message,
            b"AmazonSQS.DeleteMessageBatch": self._delete_message_batch,
            b"AmazonSQS.ChangeMessageVisibility": self._change_message_visibility,
            b"AmazonSQS.ChangeMessageVisibilityBatch": self._change_message_visibility_batch,
            b"AmazonSQS.SendMessage": self._send_message,
            b"AmazonSQS.SendMessageBatch": self._send_message_batch,
        }

    def _receive_message(self, body: bytes, connection: Connection, now: float) -> bytes | None:
        asked = _receive(body)
        queue = self._registry.find(asked.QueueUrl)
        most = asked.MaxNumberOfMessages
        wait = queue.wait if asked.WaitTimeSeconds is None else asked.WaitTimeSeconds
        visibility = queue.visibility_timeout if asked.VisibilityTimeout is None else asked.VisibilityTimeout
        _check("MaxNumberOfMessages", most, 1, MAX_MESSAGES)
        _check("WaitTimeSeconds", wait, 0, MAX_WAIT_SECONDS)
        _check("VisibilityTimeout", visibility, 0, MAX_VISIBILITY_SECONDS)
        form = self._form(asked)
        taken = queue.take(most, visibility, now, time.time_ns() // 1_000_000)
        if taken or not wait:
            return self._received(form, taken)

        def wake(messages: Sequence[Message], woken_at: float) -> None:
            if not connection.is_lost:  # a poll of a worker that was killed is no empty receive of the next one's
                self._line.put(connection, self._received(form, messages), woken_at)

        queue.poll(Waiter(most, visibility, wake, lambda: not connection.is_lost), wait)
        return None

    def _form(self, asked: requests.Receive) -> Form:
        names = tuple(asked.MessageSystemAttributeNames or asked.AttributeNames), tuple(asked.MessageAttributeNames)
        form = self._forms.get(names)
        if form is None:
            form = self._forms[names] = Form(*names)
        return form

    def _received(self, form: Form, messages: Sequence[Message]) -> bytes:
        if not messages:
            self.empty_receives += 1
            return self._answers.ok(b"{}")
        self.entries["sqs.ReceiveMessage"] += len(messages)
        self.more_chunks += _more_chunks(sum([each.size for each in messages]))
        return self._answers.joined(form.parts(messages))

    def _delete_message(self, body: bytes, connection: Connection, now: float) -> bytes:  # noqa: ARG002
        asked = _delete(body)
        self._registry.find(asked.QueueUrl).delete(_number(asked.ReceiptHandle))
        return self._answers.ok(b"{}")

    def _delete_message_batch(self, body: bytes, connection: Connection, now: float) -> bytes:  # noqa: ARG002
        asked = _delete_batch(body)
        queue = self._registry.find(asked.QueueUrl)
        done, failed = self._begin("sqs.DeleteMessageBatch", asked.Entries), []
        for entry in asked.Entries:
            try:
                queue.delete(number_of(entry.ReceiptHandle))
            except ValueError as error:
                failed.append(_failure(entry, "ReceiptHandleIsInvalid", str(error)))
        return self._batch_answer(done, failed)

    def _change_message_visibility(self, body: bytes, connection: Connection, now: float) -> bytes:  # noqa: ARG002
        asked = _visibility(body)
        queue = self._registry.find(asked.QueueUrl)
        error = _change(queue, asked.ReceiptHandle, asked.VisibilityTimeout, now)
        if error:
            raise error
        return self._answers.ok(b"{}")

    def _change_message_visibility_batch(self, body: bytes, connection: Connection, now: float) -> bytes:  # noqa: ARG002
        asked = _visibility_batch(body)
        queue = self._registry.find(asked.QueueUrl)
        done, failed = self._begin("sqs.ChangeMessageVisibilityBatch", asked.Entries), []
        for entry in asked.Entries:
            error = _change(queue, entry.ReceiptHandle, entry.VisibilityTimeout, now)
            if error:
                failed.append(_failure(entry, error.query_code.rpartition(".")[2], error.message))
        return self._batch_answer(done, failed)

    def _send_message(self, body: bytes, connection: Connection, now: float) -> bytes:  # noqa: ARG002
        asked = _send(body)
        queue = self._registry.find(asked.QueueUrl)
        message = _new(asked)
        if message.size > MAX_BYTES:
            reason = f"One or more parameters are invalid. Reason: Message must be shorter than {MAX_BYTES} bytes."
            raise _invalid(reason)
        queue.add([message], now)
        self.more_chunks += _more_chunks(message.size)
        return self._answers.ok(encode({"MD5OfMessageBody": message.md5, "MessageId": message.id}))

    def _send_message_batch(self, body: bytes, connection: Connection, now: float) -> bytes:  # noqa: ARG002
        asked = _send_batch(body)
        queue = self._registry.find(asked.QueueUrl)
        self._begin("sqs.SendMessageBatch", asked.Entries)
        messages = {entry.Id: _new(entry) for entry in asked.Entries}
        size = sum(each.size for each in messages.values())
        if size > MAX_BYTES:
            text = f"Batch requests cannot be longer than {MAX_BYTES} bytes. You have sent {size} bytes."
            raise _error("BatchRequestTooLong", text)
        queue.add(list(messages.values()), now)
        self.more_chunks += _more_chunks(size)
        sent = [{"Id": name, "MessageId": each.id, "MD5OfMessageBody": each.md5} for name, each in messages.items()]
        return self._answers.ok(encode({"Successful": sent}))

    def _begin(self, operation: str, entries: Sequence[requests.Entry]) -> list[str]:
        """Checks the ids and counts the entries."""
        ids = [entry.Id for entry in entries]
        if not ids:
            text = "There should be at least one {}RequestEntry in the request.".format(operation.partition(".")[2])
            raise _error("EmptyBatchRequest", text)
        if len(ids) > MAX_ENTRIES:
            text = f"Maximum number of entries per request are {MAX_ENTRIES}. You have sent {len(ids)}."
            raise _error("TooManyEntriesInBatchRequest", text)
        if len(set(ids)) < len(ids):
            twice = next(each for number, each in enumerate(ids) if each in ids[:number])
            raise _error("BatchEntryIdsNotDistinct", f"Id {twice} repeated.")
        if not all(map(ENTRY_ID.fullmatch, ids)):
            text = "A batch entry id can only contain alphanumeric characters, hyphens and underscores."
            raise _error("InvalidBatchEntryId", f"{text} It can be at most 80 letters long.")
        self.entries[operation] += len(ids)
        return ids

    def _batch_answer(self, ids: Sequence[str], failed: Sequence[Mapping[str, object]]) -> bytes:
        if failed:
            not_done = {each["Id"] for each in failed}
            done = [{"Id": each} for each in ids if each not in not_done]
            return self._answers.ok(encode({"Successful": done, "Failed": failed}))
        # Ids hold nothing that JSON would escape.
        return self._answers.ok(('{"Successful":[{"Id":"' + '"},{"Id":"'.join(ids) + '"}]}').encode())


def _error(name: str, message: str, query_code: str = "") -> ServiceError:
    return ServiceError(f"com.amazonaws.sqs#{name}", message, query_code or f"AWS.SimpleQueueService.{name}")


def _invalid(message: str) -> ServiceError:
    return _error("InvalidParameterValue", message, "InvalidParameterValue")


def _check(name: str, value: float, least: int, most: int) -> None:
    if not least <= value <= most:
        raise _invalid(
            f"Value {value} for parameter {name} is invalid. Reason: Must be between {least} and {most}, if provided."
        )


def _more_chunks(size: int) -> int:
    return (size - 1) // CHUNK if size else 0


def _number(handle: str) -> int:
    try:
        return number_of(handle)
    except ValueError as error:
        raise _error("ReceiptHandleIsInvalid", str(error), "ReceiptHandleIsInvalid") from None


def _change(queue: Queue, handle: str, seconds: float, now: float) -> ServiceError | None:
    try:
        _check("VisibilityTimeout", seconds, 0, MAX_VISIBILITY_SECONDS)
        message = queue.find(_number(handle))
    except ServiceError as error:
        return error
    if message is None:
        reason = "Message does not exist or is not available for visibility timeout change."
        return _invalid(f"Value {handle} for parameter ReceiptHandle is invalid. Reason: {reason}")
    if not queue.change_visibility(message, seconds, now):
        return _error("MessageNotInflight", "The specified message isn't in flight.")
    return None


def _failure(entry: requests.Entry, code: str, message: str) -> Mapping[str, object]:
    return {"Id": entry.Id, "SenderFault": True, "Code": code, "Message": message}


def _new(asked: requests.Send | requests.SendEntry) -> Message:
    if not asked.MessageBody:
        raise _error("MissingParameter", "The request must contain the parameter MessageBody.", "MissingParameter")
    # A copy: a raw value is a view of the whole request.
    attributes = bytes(asked.MessageAttributes) or None
    return Message(asked.MessageBody, time.time_ns() // 1_000_000, attributes)
