"""What readers are given: by Python, by `--json` and by the API alike. Pure.

The promise: within v1 names are added, never changed or removed. Expect names and codes that are newer than you: match
`code` and `reason`, show `label`. What is not known is None (null). Times are UTC, as RFC 3339 in JSON, with
milliseconds or as many digits as were reported (`sent_at`: whole seconds).
"""

from datetime import datetime
from functools import partial
from typing import Annotated, Any, Generic, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, PlainSerializer, WithJsonSchema

from email_activity.activity.judgement_model import Judgement, Seen
from email_activity.activity.states import FAILED
from email_activity.activity.words import Tone, VerdictCode
from email_activity.domain.times import rfc3339, rfc3339_exact

_AS_TIME = WithJsonSchema({"type": "string", "format": "date-time"})
_SECONDS = partial(rfc3339, timespec="seconds")
Time = Annotated[datetime, PlainSerializer(rfc3339_exact, return_type=str, when_used="json"), _AS_TIME]
WholeSeconds = Annotated[datetime, PlainSerializer(_SECONDS, return_type=str, when_used="json"), _AS_TIME]

T = TypeVar("T")


class Model(BaseModel):
    model_config = ConfigDict(frozen=True, serialize_by_alias=True)


class Document(Model):
    """What an email is about. name: the id for people, `2026/117` where `tag()` made the id `2026_2F117`."""

    type: str
    id: str
    name: str


class Freshness(Model):
    """newest_recorded_at: of the newest event that a live worker recorded. reading: one polled just now."""

    newest_recorded_at: Time | None
    last_poll_at: Time | None
    reading: bool


class Status(Model):
    """A state in words. `code` is a state or a mark, `reason` says why; both for programs. since: when it was first so.

    status_code: of the server, `5.1.1`. ses_said: where no server was asked. ses_words: `Bounce, Permanent, General`.
    """

    code: str
    reason: str | None = None
    tone: Tone
    label: str
    means: str
    next_step: str | None = None
    since: Time | None = None
    server_said: str | None = None
    ses_said: str | None = None
    status_code: str | None = None
    ses_words: str | None = None


class Occurrences(Model):
    count: int
    first_at: Time | None
    last_at: Time | None


class Facet(Model):
    """One of delivery, engagement and consent: the state that counts, and all seen. label None: it says nothing."""

    state: str
    reason: str | None = None
    tone: Tone | None = None
    label: str | None = None
    seen: dict[str, Occurrences]


class Engagement(Facet):
    """tracked: whether an open was ever reported for the configuration set; None where that cannot be told."""

    tracked: bool | None = None


class Recipient(Model):
    """status: the one thing to say; also: what is to be said beside it. is_destination: False for a forward's address.

    bounced_at: the forward that bounced; then no failure speaks against the recipient. simulator: SES's mailbox
    simulator. arrived_from: what proves the arrival where no Delivery was reported. recipient: None in `shared`.
    """

    recipient: str | None
    is_destination: bool
    status: Status
    also: tuple[Status, ...]
    delivery: Facet
    engagement: Engagement
    consent: Facet
    auto_replied_at: Time | None
    bounced_at: str | None
    arrived_from: tuple[str, ...]
    simulator: bool

    @property
    def has_failed(self) -> bool:
        """The recipient did not get it; a copy that bounced at a forwarded address does not count."""
        return self.delivery.state in FAILED and not self.bounced_at


class Event(Model):
    """One event. recipient: whose, as far as `attribution` says; named: whom it names. unknown: newer fields."""

    occurred_at: Time | None
    occurred_at_source: str | None
    kind: str
    code: str
    reason: str | None
    tone: Tone
    label: str
    means: str
    recipient: str | None
    attribution: str
    named: str | None
    bounce_class: str | None
    complaint_kind: str | None
    verdict: str | None
    ses_verdict: str | None
    judgement: Judgement | None
    detail: dict[str, Any]
    recipient_as_written: str | None
    event_id: str
    configuration_set: str | None
    tenant: str | None
    form: str
    recorded_at: Time
    unknown: Any


class Conflict(Model):
    documents: tuple[Document, ...]
    accounts: tuple[str, ...]


class Email(Model):
    """shared: of events that may be any's. signals: of opens and clicks. truncated_at: facts read, if it has more."""

    object: Literal["email"] = "email"
    email_id: str
    document: Document | None
    account: str | None
    sent_at: WholeSeconds | None
    sender: str | None
    subject: str | None
    configuration_set: str | None
    destination_count: int
    conflict: Conflict | None
    truncated_at: int | None = None
    status: Status
    recipients: tuple[Recipient, ...]
    shared: Recipient | None
    signals: Seen


class EmailWithTimeline(Email):
    timeline: tuple[Event, ...]
    freshness: Freshness | None = None


class ListedEmail(Email):
    cursor: str


class DocumentRecipient(Recipient):
    """By the newest email to this recipient. earlier_failed: an earlier email did not arrive."""

    email_id: str
    sent_at: WholeSeconds | None
    earlier_failed: bool


class DocumentActivity(Model):
    """emails: newest first, at most 500 (`has_more`). recipients: failures first. accounts: all that share the id."""

    object: Literal["document"] = "document"
    document: Document
    account: str | None
    accounts: tuple[str, ...]
    status: Status
    recipients: tuple[DocumentRecipient, ...]
    emails: tuple[Email, ...]
    has_more: bool
    freshness: Freshness | None = None


class Page(Model, Generic[T]):
    """looked_until: how far it looked, where it stopped before the end of the range; as `sent_at` or `occurred_at`."""

    object: Literal["list"] = "list"
    data: tuple[T, ...]
    has_more: bool
    next_cursor: str | None
    looked_until: Time | None
    freshness: Freshness | None = None

    @classmethod
    def model_parametrized_name(cls, params: tuple[Any, ...]) -> str:
        """`FailurePage`, for those who make a client of the API's schemas."""
        return f"{params[0].__name__}Page"


class Verdict(Model):
    """Whether to send to an address: code ok, risky, do_not_send or unknown. emails: how many it was read from."""

    code: VerdictCode
    reason: str
    tone: Tone
    label: str
    next_step: str | None
    since: Time | None
    emails: int


class RecipientActivity(Model):
    object: Literal["recipient"] = "recipient"
    recipient: str
    verdict: Verdict
    emails: tuple[ListedEmail, ...]
    has_more: bool
    next_cursor: str | None
    freshness: Freshness | None = None


class Failure(Model):
    object: Literal["failure"] = "failure"
    occurred_at: Time | None
    document: Document | None
    account: str | None
    email_id: str
    sent_at: WholeSeconds | None
    subject: str | None
    recipient: str
    status: Status
    also: tuple[Status, ...]
    delivered_since: Time | None
    simulator: bool
    cursor: str
