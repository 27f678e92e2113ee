"""What Celery says past its log, in a log of JSON lines."""

import json
import logging
import os
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

from billiard.util import get_logger
from celery.apps import worker

STANDARD_ERROR = 2


def say_in_json() -> None:
    """Celery's signal handlers write plain text, for instance that a stop has begun."""
    inside: Any = worker
    inside.safe_say = _say
    # Not passed on, so that a child's end would be one line of plain text. Whoever asks for this logger by the standard
    # library turns passing on off again, so it gets the handlers themselves.
    of_pool = get_logger()
    of_pool.handlers, of_pool.propagate = logging.getLogger().handlers, False


def _say(text: str, _stream: Any = None) -> None:
    """Called by signal handlers, so by one write of the system and not through the log."""
    line = {"event": text, "logger": "celery", "level": "info", "timestamp": datetime.now(UTC).isoformat()}
    with suppress(OSError):
        os.write(STANDARD_ERROR, json.dumps(line).encode() + b"\n")
