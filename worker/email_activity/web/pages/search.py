"""One box for a document's number, an address, an email's id or an account: what was meant, and where it leads."""

import re
from dataclasses import dataclass

from email_activity.activity.reader import Activity
from email_activity.domain.email_ids import email_id_in
from email_activity.web.pages import texts
from email_activity.web.pages.look import PageSettings
from email_activity.web.requests import MAX_ID

#: SES's ids: `0100018e77d94dc5-c421e265-f034-4575-9ecc-3ca34038e91f-000000`
_SES_ID = re.compile(r"[0-9a-f]{16}-[0-9a-f-]{36}-\d{6}")


@dataclass(frozen=True, slots=True)
class Found:
    """urls: pages of what may be meant. address: else it is one."""

    urls: tuple[tuple[str, str], ...] = ()
    address: str | None = None


def find(activity: Activity, text: str, settings: PageSettings) -> Found:
    """Each guess costs a Query or two."""
    text = text.strip()
    email_id = email_id_in(text)
    if not text or len(text) > MAX_ID:
        return Found()
    if email_id != text or _SES_ID.fullmatch(text):
        return Found(_email(activity, email_id))
    if texts.is_address(text):
        return Found(address=text)
    return Found(_documents(activity, text, settings) or _email(activity, text) or _account(activity, text))


def _documents(activity: Activity, text: str, settings: PageSettings) -> tuple[tuple[str, str], ...]:
    """As typed: `2026/117` of each tracked type, or `invoice 2026/117`."""
    named, _, number = text.partition(" ")
    tried = [(each, text) for each in sorted(settings.tracked)]
    if number.strip() and (not settings.tracked or named.lower() in settings.tracked):
        tried.append((named.lower(), number.strip()))
    found = [each.document for each in (activity.document(*one) for one in tried) if each]
    return tuple((texts.document_url(each), texts.document_name(each)) for each in found)


def _email(activity: Activity, email_id: str) -> tuple[tuple[str, str], ...]:
    return ((texts.email_url(email_id), email_id),) if activity.email(email_id) else ()


def _account(activity: Activity, text: str) -> tuple[tuple[str, str], ...]:
    return ((texts.account_url(text), f"Account {text}"),) if activity.account(text, limit=1).data else ()
