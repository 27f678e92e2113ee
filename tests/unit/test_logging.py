"""What reaches standard error: nothing that a terminal would obey, and no id that names a person."""

import json
import logging
import re
from collections.abc import Callable, Iterator

import pytest
import structlog

from email_activity.domain.printable import escaped
from email_activity.hosting.logs import configure_logging
from email_activity.settings import load_settings

SES_ID = "0100018e77d94dc5-c421e265-f034-4575-9ecc-3ca34038e91f-000000"
SQS_ID = "c421e265-f034-4575-9ecc-3ca34038e91f"
EVIL = "\x1b]0;title\x07\x9b31m\u202e\u3164\nforged=yes"
ESCAPED = r"\x1b]0;title\x07\x9b31m\u202e\u3164\nforged=yes"


@pytest.fixture
def configured() -> Iterator[Callable[[str], structlog.stdlib.BoundLogger]]:
    """Makes a logger of the process's configuration, which is as it was afterwards."""
    root, before = logging.getLogger(), structlog.get_config()
    handlers, level = root.handlers, root.level

    def make(log_format: str) -> structlog.stdlib.BoundLogger:
        configure_logging(load_settings(log_format=log_format))
        return structlog.get_logger("email_activity")

    yield make
    structlog.configure(**before)
    root.handlers = handlers
    root.setLevel(level)


def lines(shown: str) -> list[str]:
    """Without the renderer's own colours."""
    return re.sub(r"\x1b\[[0-9;]*m", "", shown).splitlines()


@pytest.mark.parametrize("log_format", ["json", "console"])
def test_no_value_and_no_name_reaches_a_terminal_raw(configured, capsys, log_format):
    values = {"detail": EVIL, "nested": {EVIL: [EVIL, (EVIL,)]}, "error": ValueError(EVIL), f"name {EVIL}": 1}
    configured(log_format).warning(EVIL, **values)
    logging.getLogger("celery.worker").error("Connection lost: %s", EVIL)
    shown = lines(capsys.readouterr().err)
    assert [line for line in shown if escaped(line) != line] == []
    # JSON and the console's quotes double a backslash.
    assert [line.replace("\\\\", "\\").count(ESCAPED) for line in shown] == [7, 1]


def test_in_json_the_values_are_escaped_too_for_whoever_prints_them(configured, capsys):
    configured("json").warning("quarantined", detail=EVIL)
    assert json.loads(capsys.readouterr().err)["detail"] == ESCAPED


@pytest.mark.parametrize("log_format", ["json", "console"])
def test_no_line_of_a_traceback_looks_like_a_line_of_the_log(configured, capsys, log_format):
    configured(log_format)
    try:
        int(EVIL)
    except ValueError:
        logging.getLogger("celery").exception("Task failed")
    first, *rest = lines(capsys.readouterr().err)
    if log_format == "json":
        rest = json.loads(first)["exception"].splitlines()
    assert "  Traceback (most recent call last):" in rest
    assert any(line.startswith("  ValueError") for line in rest)
    assert all(line.startswith("  ") for line in rest)
    assert all(escaped(line) == line for line in rest)


@pytest.mark.parametrize("given", [SES_ID, SQS_ID])
def test_an_id_of_the_shape_that_ses_or_sqs_gives_is_logged(configured, capsys, given):
    configured("json").warning("quarantined", message_id=given, ses_message_id=given)
    logged = json.loads(capsys.readouterr().err)
    assert (logged["message_id"], logged["ses_message_id"]) == (given, given)


@pytest.mark.parametrize(
    "given",
    [
        "ana@example.com",
        f"{SES_ID}\n",
        f" {SES_ID}",
        f"{SES_ID}-ana",
        SES_ID.replace("0100018e77d94dc5", "ana.example.com."),
        "\x1b[31m",
        "\ud800",
        "",
        {"a": "ana@example.com"},
        ["ana@example.com"],
    ],
)
def test_any_other_id_is_logged_as_a_short_hash(configured, capsys, given):
    log = configured("json")
    log.warning("quarantined", ses_message_id=given)
    log.warning("quarantined", ses_message_id=given)
    one, other = capsys.readouterr().err.splitlines()
    logged = json.loads(one)["ses_message_id"]
    assert logged == json.loads(other)["ses_message_id"]
    assert re.fullmatch(r"sha256:[0-9a-f]{12}", logged)


def test_no_id_numbers_and_what_is_not_there_stay_as_they_are(configured, capsys):
    configured("json").info("batch", ses_message_id=None, messages=3, store_ms=1.5, is_late=False)
    logged = json.loads(capsys.readouterr().err)
    assert [logged[name] for name in ("ses_message_id", "messages", "store_ms", "is_late")] == [None, 3, 1.5, False]
