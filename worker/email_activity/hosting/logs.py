"""structlog for everything that the process logs, Celery's own lines included."""

import hashlib
import logging
import re
import sys
from collections.abc import MutableMapping
from typing import Any

import structlog

from email_activity.domain.printable import escaped
from email_activity.settings import Settings

#: Celery says at each poll that it received the task and that it succeeded; one line a batch is enough. What it says at
#: each attempt to reach its broker is said once an outage by the worker.
QUIET = {
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

#: Fields of several lines: tracebacks.
LINES = ("exception", "stack")


def configure_logging(settings: Settings) -> None:
    """JSON lines on standard error, or colours where that is a terminal. Times are UTC."""
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    renderer = structlog.dev.ConsoleRenderer() if is_console(settings) else structlog.processors.JSONRenderer()
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[*shared, structlog.stdlib.ExtraAdder(allow=())],
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.format_exc_info,
                with_harmless_values,
                renderer,
            ],
        )
    )
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(settings.log_level.upper())
    for name, level in QUIET.items():
        logging.getLogger(name).setLevel(max(level, root.level))
    logging.captureWarnings(capture=True)


def is_console(settings: Settings) -> bool:
    return settings.log_format == "console" or (settings.log_format == "auto" and sys.stderr.isatty())


def with_harmless_values(_: object, __: str, fields: MutableMapping[str, Any]) -> dict[str, Any]:
    """What a stranger wrote can neither move a terminal's cursor nor forge a line, and an id names nobody."""
    return {escaped(name): _harmless(name, value) for name, value in fields.items()}


def _harmless(name: str, value: Any) -> Any:
    if value is None or isinstance(value, int | float):
        return value
    if name.endswith("_id"):
        return _id(str(value))
    if isinstance(value, dict):
        return {escaped(str(inner)): _harmless(str(inner), each) for inner, each in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_harmless(name, each) for each in value]
    text = value if isinstance(value, str) else repr(value)
    return "\n".join(f"  {escaped(line)}" for line in text.split("\n")) if name in LINES else escaped(text)


def _id(text: str) -> str:
    if ID.fullmatch(text):
        return text
    return f"sha256:{hashlib.sha256(text.encode(errors='surrogatepass')).hexdigest()[:12]}"
