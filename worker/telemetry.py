"""Logs: one line for each batch, one for each outage, and never personal data.

Errors are logged by their code or type: the text of an exception may quote an address or a subject.
"""

import traceback
from pathlib import Path

import structlog

log: structlog.stdlib.BoundLogger = structlog.get_logger("worker")


def place_of(error: BaseException) -> str:
    """`KeyError at parse.py:120`: what a bug report needs, without what the exception says."""
    frames = traceback.extract_tb(error.__traceback__)
    return f"{type(error).__name__} at {Path(frames[-1].filename).name}:{frames[-1].lineno}" if frames else repr(error)
