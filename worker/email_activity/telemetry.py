"""Logs: one line for each batch, one for each outage, and never personal data.

Errors are logged by their code or type: the text of an exception may quote an address or a subject.
"""

import sys
import traceback
from pathlib import Path

import structlog

if not structlog.is_configured():
    # Where no worker is: a command's standard output is for its result.
    structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.stderr))

log: structlog.stdlib.BoundLogger = structlog.get_logger("email_activity")


def place_of(error: BaseException) -> str:
    """`KeyError at parse.py:120`: what a bug report needs, without what the exception says."""
    frames = traceback.extract_tb(error.__traceback__)
    where = f" at {Path(frames[-1].filename).name}:{frames[-1].lineno}" if frames else ""
    return f"{type(error).__name__}{where}"
