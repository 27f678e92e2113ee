"""What did not arrive, as the cells of a table: for tabs, for CSV, and for how failures look. Pure."""

import csv
import io
import re
from dataclasses import dataclass
from datetime import datetime

from pydantic import BaseModel

from email_activity.activity import model
from email_activity.activity.states import REACHED
from email_activity.domain.printable import printable
from email_activity.domain.zones import Zone

#: Columns of `--plain`. Names are added at the end, never changed or removed.
PLAIN = (
    *("occurred_at", "document_type", "document", "account", "recipient", "code", "reason", "label", "next_step"),
    *("server_said", "delivered_since", "sent_at", "email_id", "subject", "simulator"),
)

#: The same of `--csv`, for people who open it in a spreadsheet.
CSV = (
    *("When", "Document type", "Document", "Account", "Recipient", "Code", "Reason", "What happened", "What to do"),
    *("What their server said", "Delivered later", "Sent", "Email id", "Subject", "Simulator"),
)

#: What a spreadsheet takes for the beginning of a formula.
#: https://owasp.org/www-community/attacks/CSV_Injection
FORMULA = ("=", "+", "-", "@", "\uff1d", "\uff0b", "\uff0d", "\uff20", "\t", "\r", "\n")
_BEHIND_SEMICOLON = re.compile(r"(;\s*)(?=[=+\-@\uff1d\uff0b\uff0d\uff20])")

#: Without it Excel takes UTF-8 for something else.
BOM = "\ufeff"


@dataclass(frozen=True, slots=True)
class Row:
    """An email that did not reach a recipient. at: when that was reported, or when it was sent if nothing was.

    shown: what `--json` prints of it; None where an earlier row's has it.
    """

    at: datetime | None
    document: model.Document | None
    account: str | None
    recipient: str
    status: model.Status
    email_id: str
    sent_at: datetime | None
    subject: str | None
    simulator: bool
    shown: BaseModel | None
    delivered_since: datetime | None = None
    #: That it reached their mail server all the same, as an email that was marked as spam.
    reached: model.Status | None = None


def row_of(failure: model.Failure) -> Row:
    return Row(
        at=failure.occurred_at,
        document=failure.document,
        account=failure.account,
        recipient=failure.recipient,
        status=failure.status,
        email_id=failure.email_id,
        sent_at=failure.sent_at,
        subject=failure.subject,
        simulator=failure.simulator,
        shown=failure,
        delivered_since=failure.delivered_since,
        reached=next((each for each in failure.also if each.code in REACHED), None),
    )


def cells(row: Row, zone: Zone) -> tuple[str, ...]:
    """The columns of PLAIN and CSV. Times are RFC 3339 with their zone."""
    status, about = row.status, row.document
    found = (
        *(zone.exact(row.at), about and about.type, about and about.name, row.account, row.recipient),
        *(status.code, status.reason, status.label, status.next_step, status.server_said or status.ses_said),
        *(zone.exact(row.delivered_since), zone.exact(row.sent_at), row.email_id, row.subject),
        "yes" if row.simulator else "",
    )
    return tuple(each or "" for each in found)


def csv_line(cells: object) -> str:
    out = io.StringIO()
    csv.writer(out).writerow(cells)  # type: ignore[arg-type]
    return out.getvalue()


def formula_safe(cell: str) -> str:
    """What comes from strangers is shown by a spreadsheet, never computed; and nothing in it moves a cursor."""
    # Where the semicolon separates cells, what follows it begins one.
    shown = _BEHIND_SEMICOLON.sub(r"\1'", printable(cell))
    return f"'{shown}" if cell.startswith(FORMULA) or shown.startswith(FORMULA) else shown
