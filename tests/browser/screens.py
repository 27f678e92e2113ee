"""Each screen and state of the page: how one comes there, and words that must be seen."""

from collections.abc import Callable
from dataclasses import dataclass

from visitor import Visitor

from pagestory import (
    ANNA,
    ARABIC,
    ATTACK,
    BARE,
    DELAYED,
    FIFTY,
    LONG_ONE,
    MACHINE,
    NEWER,
    RESENT,
    RIGHT_TO_LEFT,
    UNTRACKED,
    page_table,
    worker_item,
)
from webapi import NOON, NOW


@dataclass(frozen=True)
class Screen:
    words: str
    come: Callable[[Visitor], None]


def at(path: str, words: str) -> Screen:
    return Screen(words, lambda visitor: visitor.open(path))


def after(text: str, words: str) -> Screen:
    """What a search leads to."""
    return Screen(words, lambda visitor: visitor.search(text))


SCREENS = {
    "search": at("/", "Did they get it?"),
    "document": after("2026/117", "Not delivered to 1 of 2"),
    "document of fifty": at("/documents/invoice/2026%2F125", "40 more recipients"),
    "document mended": after("2026/120", "An earlier email failed"),
    "email": at(f"/emails/{RESENT.message_id}", "Link clicked"),
    "email to fifty": at(f"/emails/{FIFTY.message_id}", "Delivered to mail server 47 recipients"),
    "email opened by a machine": at(f"/emails/{MACHINE.message_id}", "perhaps not by a person"),
    "email delayed": at(f"/emails/{DELAYED.message_id}", "li@例え.jp"),
    "email with untracked opens": at(f"/emails/{UNTRACKED.message_id}", "Opens may not be tracked"),
    "email with a newer kind": at(f"/emails/{NEWER.message_id}", "Read Receipt"),
    "email without a document": at(f"/emails/{BARE.message_id}", "Email without a known document"),
    "email with long texts": at(f"/emails/{LONG_ONE.message_id}", "long.name."),
    "email in Arabic": at(f"/emails/{ARABIC.message_id}", RIGHT_TO_LEFT),
    "email of an attacker": at(f"/emails/{ATTACK.message_id}", "<script>alert(1)</script>"),
    "address": after(ANNA, "Emails to this address"),
    "account": at("/accounts/4711", "Account 4711"),
    "account narrowed": at("/accounts/4711?status=not_delivered&day=", "No open seen|Not delivered"),
    "not delivered": at("/failures?delivered_since=1", "Delivered later"),
    "nothing failed": at("/failures?account=nobody", "No failures found"),
    "overview": at(f"/overview?account=4711&from={NOON.date()}&to={NOW.date()}", "Bounce rate"),
    "overview of nobody": at("/overview?account=nobody", "No email of this account was sent"),
    "meanings": at("/meanings", "Rendering Failure"),
    "not found": after("2026/999", "What it could be"),
    "no such page": at("/nothing", "Page not found"),
    "cannot be asked": at("/failures?since=yesterday", "Want a day like"),
}

#: Those on a table of their own.
FIRST_START = at("/", "No events yet")
NOTHING_ARRIVES = at("/documents/invoice/2026%2F117", "the latest events may be missing")
AWAY = at("/", "The table does not answer")
SIGN_IN = at("/failures", "Access token")

EMPTY = page_table((), ())
STALE = page_table(workers=[worker_item(polled_seconds_ago=3 * 3600)])
