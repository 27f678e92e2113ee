"""What SQS is asked, in shape. What else a request says is passed over.

https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_Operations.html
"""

import msgspec


class OfQueue(msgspec.Struct):
    QueueUrl: str


class Receive(OfQueue):
    MaxNumberOfMessages: int = 1
    #: Seconds.
    VisibilityTimeout: int | None = None
    WaitTimeSeconds: int | None = None
    AttributeNames: list[str] = []
    MessageSystemAttributeNames: list[str] = []
    MessageAttributeNames: list[str] = []


class Entry(msgspec.Struct):
    Id: str


class DeleteEntry(Entry):
    ReceiptHandle: str


class DeleteBatch(OfQueue):
    Entries: list[DeleteEntry]


class Delete(OfQueue):
    ReceiptHandle: str


class VisibilityEntry(Entry):
    ReceiptHandle: str
    VisibilityTimeout: int = 0


class VisibilityBatch(OfQueue):
    Entries: list[VisibilityEntry]


class Visibility(OfQueue):
    ReceiptHandle: str
    VisibilityTimeout: int


class SendEntry(Entry):
    MessageBody: str
    MessageAttributes: msgspec.Raw = msgspec.Raw()


class SendBatch(OfQueue):
    Entries: list[SendEntry]


class Send(OfQueue):
    MessageBody: str
    MessageAttributes: msgspec.Raw = msgspec.Raw()


class Named(msgspec.Struct):
    QueueName: str
    Attributes: dict[str, str] = {}


class Listed(msgspec.Struct):
    QueueNamePrefix: str = ""


class Asked(OfQueue):
    AttributeNames: list[str] = []
