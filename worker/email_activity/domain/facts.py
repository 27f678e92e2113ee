"""The facts that the table holds: where writing (`ingest/`) and reading (`activity/`) meet.

A fact is immutable and stands under a key made from its content, so writing it again changes nothing.
One table: partition key `pk`, sort key `sk`; all facts of an email share a partition.

    activity    EMAIL#<ses message id>  EVENT#<time>#<kind>#<event id>#<16 hex of its content>
                                        EVENT#~<time>#... of opens and clicks, which sort last of these
    extra       EMAIL#<ses message id>  EXTRA#<event id>#<16 hex of its content>
    recipient   EMAIL#<ses message id>  RECIPIENT#<recipient>#<16 hex of its content>
    assignment  EMAIL#<ses message id>  ASSIGN#<at>#<type>#<id>
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from operator import attrgetter
from typing import Any

from email_activity.domain.keys import (
    NOT_CONTENT,
    content_hash,
    email_id_of,
    email_key,
    event_place,
    key_part,
    sent_at_of,
    sent_key,
    undo_key_part,
    unless_key_says,
    without_empty,
)
from email_activity.domain.times import read_time, rfc3339, rfc3339_exact

SCHEMA_VERSION = 2

#: A DynamoDB item in plain Python values.
Item = dict[str, Any]

#: pk, sk.
Key = tuple[str, str]


def key_of(item: Item) -> Key:
    return item["pk"], item["sk"]


def is_recipient_fact(key: Key) -> bool:
    return key[1].startswith("RECIPIENT#")


@dataclass(frozen=True, slots=True)
class Document:
    """What an email is about, for instance an invoice."""

    type: str
    id: str

    @property
    def key(self) -> str:
        return f"{key_part(self.type)}#{key_part(self.id)}"


@dataclass(frozen=True, slots=True)
class Activity:
    """Something happened to an email, for one recipient where the event names one.

    `detail` is the map of the kind's own fields, in snake case; `tags` are the sender's other ones. Times are UTC.
    `failure_*` are the keys of the two indexes of failures, set on their kinds only.
    """

    email_id: str
    event_id: str
    kind: str
    occurred_at: datetime | None
    occurred_at_source: str | None
    recorded_at: datetime
    form: str
    expires_at: int
    recipient: str | None = None
    recipient_as_written: str | None = None
    destination_count: int | None = None
    sender: str | None = None
    subject: str | None = None
    configuration_set: str | None = None
    tenant: str | None = None
    aws_account: str | None = None
    tags: Mapping[str, list[str]] = field(default_factory=dict)
    transport_id: str | None = None
    detail: Mapping[str, Any] = field(default_factory=dict)
    failure_account: str | None = None
    failure_time: str | None = None
    failure_day: str | None = None
    sk: str | None = None

    def to_item(self) -> Item:
        content = dict(zip(CONTENT, _content_of(self), strict=True))
        content["occurred_at"] = self.occurred_at and rfc3339_exact(self.occurred_at)
        others = {"recorded_at": rfc3339(self.recorded_at)} | dict(zip(OTHERS, _others_of(self), strict=True))
        sort_key = f"EVENT#{event_place(self.kind, self.occurred_at)}#{self.event_id}"
        return _item(self.email_id, sort_key, self.expires_at, content) | without_empty(others)

    @classmethod
    def from_item(cls, item: Item) -> "Activity":
        read = {
            "email_id": email_id_of(item),
            "occurred_at": read_time(item.get("occurred_at")),
            "occurred_at_source": item.get("occurred_at_source"),
            "recorded_at": read_time(item["recorded_at"]),
        }
        return cls(**{name: value for name, value in item.items() if name in cls.__slots__} | read)


#: The attributes of an activity that say what happened, and those that say how a copy came or lead an index to it.
CONTENT = tuple(name for name in Activity.__slots__ if name not in NOT_CONTENT and name != "email_id")
OTHERS = ("form", "transport_id", "failure_account", "failure_time", "failure_day")
_content_of, _others_of = attrgetter(*CONTENT), attrgetter(*OTHERS)


@dataclass(frozen=True, slots=True)
class Extra:
    """Fields of an event that this version does not know: once, however many recipients the event names.

    `unknown` is their JSON text, under SES's own paths. `event_id` is that of the event's activity, or where it makes
    several, the id of the event under no recipient.
    """

    email_id: str
    event_id: str
    kind: str
    occurred_at: datetime | None
    unknown: str
    expires_at: int

    def to_item(self) -> Item:
        content = {
            "event_id": self.event_id,
            "kind": self.kind,
            "occurred_at": self.occurred_at and rfc3339_exact(self.occurred_at),
            "unknown": self.unknown,
        }
        return _item(self.email_id, f"EXTRA#{self.event_id}", self.expires_at, content)

    @classmethod
    def from_item(cls, item: Item) -> "Extra":
        same = {name: item[name] for name in ("event_id", "kind", "unknown", "expires_at")}
        return cls(email_id=email_id_of(item), occurred_at=read_time(item.get("occurred_at")), **same)


@dataclass(frozen=True, slots=True)
class RecipientFact:
    """This email went to this recipient, about this document, for this account. `sent_at` in whole seconds."""

    email_id: str
    recipient: str
    expires_at: int
    document: Document | None = None
    account: str | None = None
    sent_at: datetime | None = None

    def to_item(self) -> Item:
        recipient, account = key_part(self.recipient), self.account and key_part(self.account)
        content = {
            "mail_recipient": recipient,
            "document": self.document and self.document.key,
            "account": account,
            "sent_key": sent_key(self.sent_at, self.email_id),
            # Only where the key does not say it already.
            "recipient": self.recipient if recipient != self.recipient else None,
            "document_type": self.document and unless_key_says(self.document.type),
            "document_id": self.document and unless_key_says(self.document.id),
            "account_id": self.account if account != self.account else None,
        }
        return _item(self.email_id, f"RECIPIENT#{recipient}", self.expires_at, content)

    @classmethod
    def from_item(cls, item: Item) -> "RecipientFact":
        document = None
        if "document" in item:
            kind, _, number = item["document"].partition("#")
            document = Document(item.get("document_type", kind), item.get("document_id", number))
        return cls(
            email_id=email_id_of(item),
            recipient=str(item.get("recipient") or item["mail_recipient"]),
            expires_at=item["expires_at"],
            document=document,
            account=item.get("account_id", item.get("account")),
            sent_at=sent_at_of(item),
        )


@dataclass(frozen=True, slots=True)
class Assignment:
    """A person said which document an email is about; the latest one wins.

    sent_at: the email's, under which `by_document` lists it. expires_at: as that of its other facts.
    """

    email_id: str
    at: datetime
    document: Document
    sent_at: datetime | None = None
    expires_at: int | None = None

    def to_item(self) -> Item:
        content = {
            "document": self.document.key,
            "sent_key": sent_key(self.sent_at, self.email_id),
            "document_type": unless_key_says(self.document.type),
            "document_id": unless_key_says(self.document.id),
            "expires_at": self.expires_at,
        }
        key = {"pk": email_key(self.email_id), "sk": f"ASSIGN#{rfc3339(self.at)}#{self.document.key}"}
        return key | without_empty(content) | {"schema_version": SCHEMA_VERSION}

    @classmethod
    def from_item(cls, item: Item) -> "Assignment":
        _, at, *parts = item["sk"].split("#", 3)
        kind, number = map(undo_key_part, parts)
        document = Document(item.get("document_type", kind), item.get("document_id", number))
        return cls(email_id_of(item), datetime.fromisoformat(at), document, sent_at_of(item), item.get("expires_at"))


Fact = Activity | Extra | RecipientFact | Assignment
READERS: dict[str, Callable[[Item], Fact]] = {
    "EVENT": Activity.from_item,
    "EXTRA": Extra.from_item,
    "RECIPIENT": RecipientFact.from_item,
    "ASSIGN": Assignment.from_item,
}


def read_fact(item: Item) -> Fact | None:
    """None for an item that this version does not know or cannot read: it hides no other from readers."""
    try:
        return READERS[item["sk"].partition("#")[0]](item)
    except (KeyError, ValueError, TypeError, AttributeError):
        return None


def _item(email_id: str, sort_key: str, expires_at: int, content: Item) -> Item:
    """sort_key: to which the hash of the content is added."""
    content = without_empty(content)
    return {
        "pk": email_key(email_id),
        "sk": f"{sort_key}#{content_hash(content)}",
        **content,
        "expires_at": expires_at,
        "schema_version": SCHEMA_VERSION,
    }
