"""Logs: one line for each batch, one for each outage, and never personal data.

Errors are logged by their code or type: the text of an exception may quote an address or a subject.
"""

import sys

import structlog

if not structlog.is_configured():
    # In a command, standard output is for its result.
    structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.stderr))

#: A field of an event that no line shows: figures too many to read, for metrics (`ingest/figures.py`).
FIGURES = "figures"

log: structlog.stdlib.BoundLogger = structlog.get_logger("email_activity")
