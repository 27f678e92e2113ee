"""Which mail is tracked, whose events are believed, and how long facts are kept. Pure."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from itertools import chain
from typing import TYPE_CHECKING, Any

from email_activity.domain.errors import UntrustedAccountError, UntrustedConfigurationSetError, UntrustedTopicError
from email_activity.domain.times import rfc3339
from email_activity.ses.event_objects import Mail
from email_activity.ses.parse import SesEvent
from email_activity.ses.signature import TOPIC_ARN
from email_activity.ses.tags_and_headers import CONFIGURATION_SET, first_tag, is_unread, short_headers, short_tags

if TYPE_CHECKING:
    from email_activity.settings import TrackingSettings

#: As AWS makes them. What looks otherwise is a stranger's text, and errors are logged.
#: https://docs.aws.amazon.com/ses/latest/APIReference-V2/API_CreateConfigurationSet.html
_ACCOUNT = re.compile(r"[0-9]{12}", re.ASCII)
_CONFIGURATION_SET = re.compile(r"[A-Za-z0-9_-]{1,64}", re.ASCII)


@dataclass(frozen=True, slots=True)
class TrackingPolicy:
    """What the operator set. An empty `tracked` tracks every mail, with a document or without."""

    tracked: frozenset[str] = frozenset({"invoice"})
    document_type: tuple[str, str] = ("document_type", "X-Document-Type")  # tag, header
    document_id: tuple[str, str] = ("document_id", "X-Document-Id")
    account_id: tuple[str, str] = ("account_id", "X-Account-Id")
    #: Whose events are believed, by `mail.sendingAccountId` and by the tag of the configuration set; empty: all.
    trusted_accounts: frozenset[str] = frozenset()
    trusted_configuration_sets: frozenset[str] = frozenset()
    #: By the TopicArn of SNS's envelope.
    trusted_topics: frozenset[str] = frozenset()
    retention: timedelta = timedelta(days=365)
    #: What `minimize.py` takes out of an event before anything is made of it.
    store_subject: bool = True
    store_full_ip: bool = True
    store_link_query: bool = True


def tracking_policy(settings: "TrackingSettings") -> TrackingPolicy:
    return TrackingPolicy(
        tracked=settings.tracked,
        document_type=(settings.document_type_tag, settings.document_type_header),
        document_id=(settings.document_id_tag, settings.document_id_header),
        account_id=(settings.account_id_tag, settings.account_id_header),
        trusted_accounts=settings.trusted_accounts,
        trusted_configuration_sets=settings.trusted_sets,
        trusted_topics=settings.trusted_topics,
        retention=settings.retention,
        store_subject=settings.store_subject,
        store_full_ip=settings.store_full_ip,
        store_link_query=settings.store_link_query,
    )


def refuse_untrusted_topic(envelope: Mapping[str, Any] | None, policy: TrackingPolicy) -> None:
    """envelope: of SNS; None if there is none, which tells no topic. Raises UntrustedTopicError."""
    topic = envelope.get("TopicArn") if envelope else None
    if policy.trusted_topics and topic not in policy.trusted_topics:
        raise UntrustedTopicError(_loggable(topic if isinstance(topic, str) else "", TOPIC_ARN))


def refuse_untrusted(mail: Mail, policy: TrackingPolicy) -> None:
    """An event that does not tell its account or configuration set is not of a trusted one.

    Raises UntrustedAccountError or UntrustedConfigurationSetError.
    """
    account, configuration_set = mail.sending_account_id or "", first_tag(mail, CONFIGURATION_SET) or ""
    if policy.trusted_accounts and account not in policy.trusted_accounts:
        raise UntrustedAccountError(_loggable(account, _ACCOUNT))
    if policy.trusted_configuration_sets and configuration_set not in policy.trusted_configuration_sets:
        raise UntrustedConfigurationSetError(_loggable(configuration_set, _CONFIGURATION_SET))


def _loggable(name: str, pattern: re.Pattern[str]) -> str:
    if not name:
        return "it tells none"
    return name if pattern.fullmatch(name) else "one that AWS does not have"


def is_untracked(mail: Mail, policy: TrackingPolicy) -> bool:
    """Only other types were read, or tags and headers were readable and tell no type.

    An identity notification has no tags, a Rendering Failure no headers, and long headers are cut: what they
    do not say, another event of the same email will.
    """
    if not policy.tracked:
        return False
    types = _document_types(mail, policy)
    first = next(types, None)
    if first is not None:
        return first not in policy.tracked and policy.tracked.isdisjoint(types)
    are_readable = mail.tags is not None and mail.headers is not None and not mail.headers_truncated
    return are_readable and not is_unread(mail, *policy.document_type)


def reason_not_kept(outcome: str, event: SesEvent, policy: TrackingPolicy) -> str | None:
    """Why nothing is kept of an event, in words; None for an outcome other than `expired` and `untracked`."""
    if outcome == "expired":
        sent = event.mail.timestamp or event.time
        when = rfc3339(sent.at, "seconds") if sent and sent.at else "at a time that it does not tell"
        return f"sent {when}, longer ago than the {policy.retention.days} days that activity is kept (RETENTION_DAYS)"
    if outcome != "untracked":
        return None
    types = list(dict.fromkeys(_document_types(event.mail, policy)))
    if not types:
        tag, header = policy.document_type
        return f"it tells no document type, neither in the tag {tag} nor in the header {header}"
    tracked = ", ".join(sorted(policy.tracked))
    return f"its document type is {', '.join(types)}, and only {tracked} is tracked (TRACKED_DOCUMENT_TYPES)"


def _document_types(mail: Mail, policy: TrackingPolicy) -> Iterator[str]:
    """All that tags and headers tell, in lower case."""
    tag, header = policy.document_type
    return (text.lower() for text in chain(short_tags(mail, tag), short_headers(mail, header)))
