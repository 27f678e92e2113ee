"""To whom an email went, about what and for whom: what its recipient facts come to. Pure.

Any event of an email writes recipient facts, so copies may disagree. Of a recipient the earliest counts, and of the
email the earliest of all. No pure rule can tell a wrong copy from a right one, so a disagreement is shown.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from email_activity.domain.facts import Document, RecipientFact


@dataclass(frozen=True, slots=True)
class Conflict:
    """What the events of one email disagree on: each that was named, the one that counts first; empty if one."""

    documents: tuple[Document, ...]
    accounts: tuple[str, ...]


def in_order(recipient_facts: Iterable[RecipientFact]) -> list[RecipientFact]:
    """Earliest first.

    One that tells the document and the account comes before one that does not: an identity notification has no
    tags, and yet a recipient fact where all mail is tracked.
    """
    facts = list(recipient_facts)
    return facts if len(facts) < 2 else sorted(facts, key=_when_sent)  # noqa: PLR2004  one is in order


def destinations_of(recipient_facts: Iterable[RecipientFact]) -> dict[str, RecipientFact]:
    """The recipients of an email, each with the fact that counts, earliest first."""
    return earliest_of_each(in_order(recipient_facts))


def earliest_of_each(mails: Iterable[RecipientFact]) -> dict[str, RecipientFact]:
    """mails: in order."""
    earliest: dict[str, RecipientFact] = {}
    for mail in mails:
        earliest.setdefault(mail.recipient, mail)
    return earliest


def document_of(mails: Sequence[RecipientFact]) -> Document | None:
    """mails: in order."""
    return next((mail.document for mail in mails if mail.document), None)


def account_of(mails: Sequence[RecipientFact]) -> str | None:
    """mails: in order."""
    return next((mail.account for mail in mails if mail.account), None)


def conflict_of(mails: Sequence[RecipientFact]) -> Conflict | None:
    """mails: all of the email, in order. One that tells nothing disagrees with none."""
    documents = tuple(dict.fromkeys(mail.document for mail in mails if mail.document))
    accounts = tuple(dict.fromkeys(mail.account for mail in mails if mail.account))
    if max(len(documents), len(accounts)) < 2:  # noqa: PLR2004  one agrees with itself
        return None
    return Conflict(documents if len(documents) > 1 else (), accounts if len(accounts) > 1 else ())


def _when_sent(fact: RecipientFact) -> tuple[bool, bool, bool, str, str]:
    item = fact.to_item()
    return fact.document is None, fact.account is None, fact.sent_at is None, item["sent_key"], item["sk"]
