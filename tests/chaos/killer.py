"""The worker, with a message that kills its process: `celery -A killer worker`. Only tests load this."""

import os
import signal
from typing import Any

from email_activity.celery import app
from email_activity.ingest import pipeline

__all__ = ["app"]

#: In the body of such a message.
KILLS = "kills its process"

read = pipeline.read


def read_or_die(body: str, *others: Any) -> Any:
    if KILLS in body:
        os.kill(os.getpid(), signal.SIGKILL)
    return read(body, *others)


pipeline.read = read_or_die  # type: ignore[assignment]
