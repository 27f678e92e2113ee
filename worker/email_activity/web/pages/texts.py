"""Texts of the page that are no labels: times, names, addresses, and where a thing has its page. Pure."""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from typing import Any
from urllib.parse import quote, unquote

import idna
from markupsafe import Markup

from email_activity.activity import model
from email_activity.activity.glossary import MEANINGS, VERDICTS, Meaning
from email_activity.activity.states import DELIVERY, ENGAGEMENT
from email_activity.activity.words import words
from email_activity.domain.addresses import normalize_address
from email_activity.domain.printable import printable
from email_activity.domain.zones import Zone, age

_MEANINGS = {each.kind: each for each in MEANINGS}
_VERDICTS = dict(VERDICTS)

#: How an address comes off it.
SUPPRESSION_LIST = "https://docs.aws.amazon.com/ses/latest/dg/sending-email-suppression-list.html"

#: Neighbours in a timeline that say the same of so many recipients are one line.
SEVERAL = 3

#: Characters of a text that stands in a row or a heading; the page of its own has all of it.
SHORT = 120


@dataclass(frozen=True, slots=True)
class Group:
    """Events side by side that say the same of several recipients."""

    events: tuple[model.Event, ...]

    @property
    def first(self) -> model.Event:
        return self.events[0]

    @property
    def last(self) -> model.Event:
        return self.events[-1]


def moment(at: datetime | None, *, zone: Zone) -> Markup:
    return _time(at, zone, "%-d %b %Y, %H:%M:%S")


def minute(at: datetime | None, *, zone: Zone) -> Markup:
    return _time(at, zone, "%-d %b %Y, %H:%M")


def _time(at: datetime | None, zone: Zone, form: str) -> Markup:
    if at is None:
        return Markup("<span>time not known</span>")
    exact, shown = zone.exact(at), at.astimezone(zone.info).strftime(form)
    return Markup('<time datetime="{exact}" title="{exact}">{shown}</time>').format(exact=exact, shown=shown)


def ago(at: datetime | None, *, now: datetime | None) -> Markup:
    """`2 hours ago`, for beside the time; nothing where either is not known, or the clocks differ."""
    if at is None or now is None or at > now:
        return Markup()
    return Markup('<span class="ago">{} ago</span>').format(age((now - at).total_seconds()))


def said(of: model.Recipient) -> tuple[model.Status, ...]:
    """All that is said of a recipient. Whether it was delivered comes before whether it was opened."""
    statuses = (of.status, *of.also)
    if of.status.code not in ENGAGEMENT:
        return statuses
    delivery = tuple(each for each in statuses if each.code in DELIVERY)
    return (*delivery, *(each for each in statuses if each not in delivery))


def suppression(code: str, reason: str | None = None) -> str:
    """What SES's suppression list has to do with it. code: of a status, or the reason of a verdict."""
    if code == "suppressed" and reason in (None, "account_list", "tenant_list"):
        return "SES sends nothing to an address on this list."
    if code == "hard_bounced":
        return "SES may have put the address on your account's suppression list, which stops all further emails to it."
    return ""


def why(label: str) -> str:
    """Of a label, for where it is said already that nothing was delivered: `The address does not exist`."""
    reason = label.removeprefix("Not delivered: ")
    return reason[:1].upper() + reason[1:]


def without_query(link: str) -> str:
    """What stands behind the question mark may be somebody's own."""
    return link.partition("#")[0].partition("?")[0]


def document_name(document: model.Document | None) -> str:
    """`Invoice 2026/117`"""
    return f"{document.type[:1].upper()}{document.type[1:]} {document.name}" if document else "No document"


def document_url(document: model.Document) -> str:
    return f"/documents/{_part(document.type)}/{_part(document.name)}"


def email_url(email_id: str) -> str:
    return f"/emails/{_part(email_id)}"


def account_url(account: str) -> str:
    return f"/accounts/{_part(account)}"


def href(url: str) -> Markup:
    """Of a link; nothing for a document or an account that is known by an address, which may stand in no URL."""
    return Markup() if is_address(unquote(url)) else Markup(' href="{}"').format(url)


def is_address(text: str) -> bool:
    """In whatever spelling."""
    return "@" in normalize_address(text)


def _part(text: str) -> str:
    """Browsers take `.` and `..` away, however they are written, and would ask for another page: this one is none."""
    return text.replace(".", "%252E") if text in (".", "..") else quote(text, safe="")


def address(text: str) -> Markup:
    """With its domain as people write it, and as it is stored beside: two scripts may look the same."""
    readable = _readable(text)
    if readable == text:
        return Markup("<bdi>{}</bdi>").format(printable(text))
    return Markup('<bdi>{}</bdi> <small class="stored">({})</small>').format(printable(readable), printable(text))


def _readable(text: str) -> str:
    local, at, domain = text.rpartition("@")
    if "xn--" not in domain:
        return text
    try:
        return f"{local}{at}{idna.decode(domain)}"
    except (idna.IDNAError, UnicodeError):
        return text


def title_of(status: model.Status | model.Verdict) -> str:
    """For the title, which a browser's history keeps: without an address."""
    if isinstance(status, model.Status) and "@" in status.label:
        return words(status.code, status.reason).label.partition(" at {")[0]
    return status.label


def verdict_words(verdict: str) -> str:
    return _VERDICTS.get(verdict, verdict)


def meaning_of(kind: str) -> Meaning | None:
    return _MEANINGS.get(kind)


def detail_rows(detail: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """All that SES said of an event, each value on a line."""
    for name, value in detail.items():
        shown = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
        yield name.replace("_", " "), shown


def short(text: str) -> str:
    return text if len(text) <= SHORT else f"{text[: SHORT - 1]}…"


def grouped(events: Iterable[model.Event]) -> list[Group]:
    groups = []
    for _, same in groupby(events, key=lambda each: (each.kind, each.code, each.reason, each.label)):
        found = tuple(same)
        is_one = len(found) >= SEVERAL and len({each.recipient for each in found} - {None}) == len(found)
        groups += [Group(found)] if is_one else [Group((each,)) for each in found]
    return groups
