"""A kind of event that SES adds is a row, the class of its object and the words for it. All else follows."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

from email_activity.domain import kinds

PACKAGE, TESTS = Path(kinds.__file__).parents[1], Path(__file__).resolve().parents[1]

ROW = """
    Kind("Forward", "forwarding", "Email Forwarded", "forward", is_failure=True, delivery="delayed"),
"""
CLASS = """@dataclass(frozen=True, slots=True)
class Forward(TimedObject):
    recipients: tuple[Recipient, ...] | None = ses_field("forwardedRecipients", recipients)
    forwarded_by: str | None = ses_field("forwardedBy", text)

    DISTINGUISHING = ("forwarded_by",)


"""

#: Behind the first text, in whichever file has it, stands the second.
ADDED = {
    "\nKINDS = (": ROW,
    '    error_message: str | None = ses_field("errorMessage", text)\n\n\n': CLASS,
    "\nEVENT_OBJECTS: Mapping[str, type[EventObject]] = {": '\n    "Forward": Forward,',
    '\n    "Send": lambda _: [],': '\n    "Forward": lambda detail: ["by", detail.get("forwarded_by")],',
    "\nMEANINGS = (": '\n    Meaning("Forward", "Its server sent it on.", "Not the inbox."),',
}

SCRIPT = """
import sys
from datetime import timedelta
from click.testing import CliRunner
from email_activity.cli.main import main
from email_activity.provision import checks
from events import Email, eventbridge, raw, stamp
from reading import EVERYTHING, items_of, read_one, status_of

def printed(*arguments, **options):
    result = CliRunner().invoke(main, arguments, **options)
    assert result.exit_code == 0, result.output
    return result.stdout

email = Email(message_id="m-1")
def forward(by="mail.example", **more):
    body = {"timestamp": stamp(email.after(5)), "forwardedRecipients": [{"emailAddress": "ana@example.com"}]}
    return {"eventType": "Forward", "mail": email.mail(), "forwarding": body | {"forwardedBy": by}, **more}

def event_id(event):
    return read_one(raw(event), EVERYTHING).activities[0].event_id

event = forward()
read = read_one(raw(event), EVERYTHING)
(activity,) = read.activities
assert (activity.kind, activity.recipient, activity.detail) == (
    "Forward", "ana@example.com", {"forwarded_by": "mail.example"}
)
assert (activity.occurred_at_source, read.extras) == ("event", ())
assert activity.failure_time and activity.failure_day
unnamed = {name: value for name, value in event.items() if name != "eventType"}
assert read_one(eventbridge(unnamed, **{"detail-type": "Email Forwarded"}), EVERYTHING).kind == "Forward"
assert event_id(event) == event_id({**event, "eventType": "FORWARD"}) == event_id(forward(new=1))
assert event_id(event) != event_id(forward("other.example"))
(ana,) = status_of([raw(email.send()), raw(event)], EVERYTHING).recipients
assert ana.delivery.state == "delayed"
first, _ = status_of([raw(email.open(at=email.after(5))), raw(event)], EVERYTHING).timeline
assert first.activity.kind == "Forward"
assert "forward" in checks.ALL_KINDS.split(", ")
assert "by, mail.example" in printed("parse", "-", input=raw(event))
assert "Its server sent it on." in printed("explain", "forward")
"""


def test_a_new_kind_is_a_row_its_fields_and_its_words(tmp_path: Path) -> None:
    shutil.copytree(PACKAGE, tmp_path / PACKAGE.name, ignore=shutil.ignore_patterns("__pycache__"))
    files = {path: path.read_text(encoding="utf-8") for path in tmp_path.rglob("*.py")}
    touched = set()
    for place, text in ADDED.items():
        (path,) = [path for path, source in files.items() if place in source]
        files[path] = files[path].replace(place, place + text, 1)
        path.write_text(files[path], encoding="utf-8")
        touched.add(path)
    assert len(touched) <= 4
    environment = {**os.environ, "PYTHONPATH": f"{tmp_path}{os.pathsep}{TESTS}"}
    run = [sys.executable, "-c", SCRIPT]
    ended = subprocess.run(run, env=environment, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr
