"""Logs: one line for each batch, one for each outage, and never personal data.

Errors are logged by their code or type: the text of an exception may quote an address or a subject.
"""

import traceback
from pathlib import Path

import structlog
from botocore.exceptions import ClientError

log: structlog.stdlib.BoundLogger = structlog.get_logger("worker")


def code_of(error: BaseException) -> str:
    """`ProvisionedThroughputExceededException`, `EndpointConnectionError`: what AWS or botocore call it."""
    if isinstance(error, ClientError):
        return str(error.response.get("Error", {}).get("Code", "Unknown"))
    return type(error).__name__


def place_of(error: BaseException) -> str:
    """`KeyError at parse.py:120`: what a bug report needs, without what the exception says."""
    frames = traceback.extract_tb(error.__traceback__)
    return f"{type(error).__name__} at {Path(frames[-1].filename).name}:{frames[-1].lineno}" if frames else repr(error)
