"""The JSON API on a table in memory, and events for it."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any
from unittest.mock import patch

from starlette.testclient import TestClient

from email_activity.activity import reader
from email_activity.activity.query import ActivityTable
from email_activity.activity.reader import Activity
from email_activity.settings import Settings
from email_activity.web.app import make_app
from email_activity.web.settings import WebSettings
from events import ANA, BEN, CLEO, GMAIL_PROXY, Email, raw
from faketable import FakeDynamoDB
from reading import items_of

#: Whole, and short ago, since old mail expires.
NOON = (datetime.now(UTC) - timedelta(days=2)).replace(hour=12, minute=0, second=0, microsecond=0)
NOW = datetime.now(UTC)

EMAIL = Email(to=(ANA, BEN, CLEO), document_id="2026_2F117", sent_at=NOON)
RESENT = Email(to=(ANA,), document_id="2026_2F117", sent_at=EMAIL.after(1))
OTHER = Email(to=(BEN,), document_id="2026-118", account="globex", sent_at=EMAIL.after(2))
BARE = Email(to=(CLEO,), document_id="x/y", account="a/b", sent_at=EMAIL.after(3), subject="")
EVENTS = (
    EMAIL.send(),
    EMAIL.delivery([ANA]),
    EMAIL.bounce(recipients=[BEN]),
    EMAIL.out_of_office([ANA]),
    EMAIL.delay(recipients=[CLEO]),
    EMAIL.open(GMAIL_PROXY),
    EMAIL.complaint(recipients=[ANA]),
    RESENT.send(),
    RESENT.delivery(),
    RESENT.click(),
    RESENT.subscription(),
    OTHER.reject(),
    BARE.bounce(recipients=["elsewhere@example.com"]),
)


def fake_table(events: Iterable[dict[str, Any]] = EVENTS) -> FakeDynamoDB:
    return FakeDynamoDB(items_of(map(raw, events)).values(), page=4)


def activity_on(table: FakeDynamoDB) -> Activity:
    with patch.object(reader, "open_table", lambda _: ActivityTable(table, "facts")):  # type: ignore[arg-type]
        return Activity(Settings(), now=lambda: NOW)


def client(table: FakeDynamoDB | None = None, peer: str = "127.0.0.1", **settings: str) -> TestClient:
    """Asks under a name of loopback; settings: as WebSettings' fields."""
    app = make_app(activity_on(table or fake_table()), WebSettings(**settings))
    return TestClient(app, base_url="http://localhost:8025", client=(peer, 50_000), raise_server_exceptions=False)
