"""The emails that tests of the page show: what is usual, and what strangers may write into each text."""

import uuid
from collections.abc import Iterable
from datetime import timedelta
from typing import Any

from email_activity.domain.times import rfc3339
from email_activity.domain.worker_process import WorkerProcess
from email_activity.ses.tracking_policy import TrackingPolicy
from events import APPLE_PREFETCH, GMAIL_PROXY, Email, raw
from faketable import FakeDynamoDB
from reading import items_of
from webapi import NOON, NOW

ACCOUNT = "4711"
ANNA, BOB, CARLA, LI = "anna@example.com", "bob@example.com", "carla@example.org", "li@xn--r8jz45g.jp"

#: What ends a tag, a style, an attribute or a template, and what turns the direction of text.
HOSTILE = "<script>alert(1)</script>\"'><img src=x onerror=alert(2)>{{7*7}}&amp;\u202e\x1b[31m"
LONG = "Invoice for the services of the whole year " * 70
LINK = "https://pay.sender.example/2026-117"
RIGHT_TO_LEFT = "فاتورة رقم 117"


def _id(number: float) -> str:
    """Fixed, since tests are named by it."""
    return f"0102{int(number):012x}-{uuid.UUID(int=int(number))}-000000"


def _email(number: str, *to: str, minutes: float, **fields: Any) -> Email:
    """minutes: before NOW."""
    fields["message_id"] = _id(minutes)
    fields = {"subject": f"Your invoice {number.replace('_2F', '/')}", "account": ACCOUNT, "sender": SENDER} | fields
    return Email(to=to, document_id=number, sent_at=NOW - timedelta(minutes=minutes), **fields)


ALL = TrackingPolicy(tracked=frozenset(), retention=timedelta(days=36_500))
SENDER = "Billing <billing@sender.example>"
FIRST = _email("2026_2F117", ANNA, BOB, minutes=(NOW - NOON).total_seconds() / 60, subject="Your invoice")
RESENT = _email("2026_2F117", ANNA, minutes=90)
OPENED = _email("2026_2F118", ANNA, minutes=80)
REFUSED = _email("2026_2F119", BOB, minutes=75)
MENDED = _email("2026_2F120", CARLA, minutes=70)
MENDED_BY = _email("2026_2F120", CARLA, minutes=30)
AWAY = _email("2026_2F121", CARLA, minutes=60)
DELAYED = _email("2026_2F122", LI, minutes=50)
MACHINE = _email("2026_2F123", ANNA, minutes=45)
UNTRACKED = _email("2026_2F124", BOB, minutes=40, tags={"ses:configuration-set": "untracked"})
BARE = _email("", BOB, minutes=35, tags={}, document_type=None, account=None, subject="")
FIFTY = _email("2026_2F125", *(f"member{each:02}@example.com" for each in range(50)), minutes=25)
NEWER = _email("2026_2F126", ANNA, minutes=20)
LONG_ONE = _email("2026_2F127", f"{'long.name.' * 6}x@{'sub.' * 20}example.com", minutes=15, subject=LONG)
ARABIC = _email("2026_2F128", BOB, minutes=14, subject=RIGHT_TO_LEFT)
ATTACK = _email(
    HOSTILE,
    f'"{HOSTILE}"@example.com',
    minutes=13,
    account=HOSTILE,
    subject=HOSTILE,
    sender=HOSTILE,
    tags={"ses:configuration-set": HOSTILE},
)
SENT = _email("2026_2F129", ANNA, minutes=3)
SPAM = _email("2026_2F130", CARLA, minutes=300)
BOUNCED_ELSEWHERE = _email("2026_2F131", ANNA, minutes=310)

_HOSTILE_BOUNCE = {"action": "failed", "status": "5.7.1", "diagnosticCode": f"smtp; 550 5.7.1 {HOSTILE}"}

EVENTS = (
    *(FIRST.send(), FIRST.delivery([ANNA]), FIRST.bounce(recipients=[BOB]), FIRST.open()),
    *(
        RESENT.send(),
        RESENT.delivery(),
        RESENT.open(),
        RESENT.open(at=RESENT.after(400)),
        RESENT.click(f"{LINK}?customer=42#pay"),
    ),
    *(OPENED.send(), OPENED.delivery(), OPENED.open(GMAIL_PROXY)),
    *(REFUSED.send(), REFUSED.bounce()),
    *(MENDED.send(), MENDED.bounce("Transient", "MailboxFull", said={"status": "5.2.2", "diagnosticCode": "full"})),
    *(MENDED_BY.send(), MENDED_BY.delivery()),
    *(AWAY.send(), AWAY.delivery(), AWAY.out_of_office()),
    *(DELAYED.send(), DELAYED.delay()),
    *(MACHINE.send(), MACHINE.delivery(), MACHINE.open(APPLE_PREFETCH, bot="Unlikely")),
    *(UNTRACKED.send(), UNTRACKED.delivery()),
    *(BARE.send(), BARE.delivery()),
    *(FIFTY.send(), FIFTY.delivery(FIFTY.to[:47]), FIFTY.bounce(recipients=FIFTY.to[47:49]), FIFTY.open()),
    *(NEWER.send(), NEWER.event("Read Receipt", {"timestamp": rfc3339(NEWER.after(60)), "reader": "a newer SES"})),
    *(LONG_ONE.send(), LONG_ONE.delivery(), ARABIC.send(), ARABIC.delivery()),
    *(ATTACK.send(), ATTACK.bounce(said=_HOSTILE_BOUNCE), ATTACK.open(HOSTILE), ATTACK.click(HOSTILE, HOSTILE)),
    *(SENT.send(), SPAM.send(), SPAM.delivery(), SPAM.complaint()),
    *(BOUNCED_ELSEWHERE.send(), BOUNCED_ELSEWHERE.delivery()),
    BOUNCED_ELSEWHERE.bounce(recipients=["elsewhere@example.net"]),
)


def reported(*sets: str) -> Iterable[dict[str, Any]]:
    """That opens are reported for these configuration sets."""
    for each in sets:
        yield {"pk": f"REPORTED#{each}", "sk": "Open#0001"}


def worker_item(polled_seconds_ago: float = 4, newest_seconds_ago: float | None = 12) -> dict[str, Any]:
    """What a worker tells of itself. The clock of these tests is fixed, so the item never expires."""
    newest = None if newest_seconds_ago is None else NOW - timedelta(seconds=newest_seconds_ago)
    polled = NOW - timedelta(seconds=polled_seconds_ago)
    item = WorkerProcess("host", "1", "1", NOW, polled, newest).to_item()
    return item | {"expires_at": int(NOW.timestamp()) + 10**8}


def page_table(
    events: Iterable[dict[str, Any]] = EVENTS, workers: Iterable[dict[str, Any]] | None = None
) -> FakeDynamoDB:
    items = [*items_of(map(raw, events), ALL).values(), *reported("tracked")]
    return FakeDynamoDB([*items, *([worker_item()] if workers is None else workers)], page=100)
