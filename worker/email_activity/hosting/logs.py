"""structlog for everything that the process logs, Celery's own lines included."""

import hashlib
import json
import logging
import os
import re
import sys
from collections.abc import MutableMapping
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any, TextIO

import structlog
from billiard.util import get_logger
from celery.apps import worker

from email_activity.domain.errors import place_of
from email_activity.domain.printable import escaped
from email_activity.metrics.count import count, without_figures
from email_activity.settings import Settings

#: Celery logs at each poll that it received the task and that it succeeded; one line a batch is enough. What it logs at
#: each attempt to reach its broker the worker logs once an outage.
LEVELS = {
    "celery.worker.strategy": logging.WARNING,
    "celery.app.trace": logging.WARNING,
    "celery.worker.consumer.connection": logging.WARNING,
    "celery.worker.consumer.consumer": logging.ERROR,
    "kombu.connection": logging.ERROR,
    "botocore": logging.WARNING,
    "urllib3": logging.WARNING,
}

UUID = r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"

#: An id as SES gives it (0100018e77d94dc5-c421e265-f034-4575-9ecc-3ca34038e91f-000000), or SQS. A sender can write
#: anything in its place.
ID = re.compile(f"[0-9a-f]{{16}}-{UUID}-[0-9]{{6}}|{UUID}")

STANDARD_ERROR = 2

#: Fields of several lines: tracebacks.
MULTILINE = ("exception", "stack")


class Handler(logging.StreamHandler[TextIO]):
    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802  the standard library's
        """Its traceback would quote the error that was to be logged, and with it a message."""
        if error := sys.exception():
            _write_line("log_failed", logger=record.name, level="error", error=place_of(error))


def configure_logging(settings: Settings) -> None:
    """JSON lines on standard error, or colours where that is a terminal. Times are UTC."""
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    structlog.configure(
        processors=[
            # First, so that what the level hides counts too.
            count if settings.has_metrics else without_figures,
            structlog.stdlib.filter_by_level,
            *shared,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    renderer = structlog.dev.ConsoleRenderer() if is_console(settings) else structlog.processors.JSONRenderer()
    handler = Handler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[*shared, structlog.stdlib.ExtraAdder(allow=())],
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.format_exc_info,
                sanitize,
                renderer,
            ],
        )
    )
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(settings.log_level.upper())
    for name, level in LEVELS.items():
        logging.getLogger(name).setLevel(max(level, root.level))
    logging.captureWarnings(capture=True)


def is_console(settings: Settings) -> bool:
    return settings.log_format == "console" or (settings.log_format == "auto" and sys.stderr.isatty())


def sanitize(_: object, __: str, fields: MutableMapping[str, Any]) -> dict[str, Any]:
    """What a stranger wrote can neither move a terminal's cursor nor forge a line, and an id names nobody."""
    return {escaped(name): _sanitized(name, value) for name, value in fields.items()}


def _sanitized(name: str, value: Any) -> Any:
    if value is None or isinstance(value, int | float):
        return value
    if name.endswith("_id"):
        text = str(value)
        digest = hashlib.sha256(text.encode(errors="surrogatepass")).hexdigest()[:12]
        return text if ID.fullmatch(text) else f"sha256:{digest}"
    if isinstance(value, dict):
        return {escaped(str(inner)): _sanitized(str(inner), each) for inner, each in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_sanitized(name, each) for each in value]
    text = value if isinstance(value, str) else repr(value)
    return "\n".join(f"  {escaped(line)}" for line in text.split("\n")) if name in MULTILINE else escaped(text)


def log_celery_as_json() -> None:
    """Celery's signal handlers write plain text past its log, for instance that a stop has begun."""
    celery_worker: Any = worker
    celery_worker.safe_say = _write_line
    # The pool's logger passes nothing on, so that a child's end would be one line of plain text. The standard library
    # turns passing on off again whenever it is asked for, so it gets the handlers themselves.
    of_pool = get_logger()
    of_pool.handlers, of_pool.propagate = logging.getLogger().handlers, False


def _write_line(text: str, _stream: Any = None, level: str = "info", **fields: str) -> None:
    """Called by signal handlers, so by one system call and not through the log."""
    line = {"event": text, "logger": "celery", "level": level, "timestamp": datetime.now(UTC).isoformat(), **fields}
    with suppress(OSError):
        os.write(STANDARD_ERROR, json.dumps(line).encode() + b"\n")
