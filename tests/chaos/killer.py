"""The worker, with a message that kills its process: `celery -A killer worker`. Only tests load this."""

import os
import signal
from typing import Any

from email_activity.celery import app
from email_activity.ingest import pipeline

__all__ = ["app"]

#: In the body of such a message.
KILLS = "kills its process"

interpret = pipeline.interpret


def interpret_or_die(body: str, *others: Any) -> Any:
    if KILLS in body:
        os.kill(os.getpid(), signal.SIGKILL)
    return interpret(body, *others)


pipeline.interpret = interpret_or_die  # type: ignore[assignment]
