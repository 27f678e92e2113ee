"""The health file: what the worker's processes report, for `email-activity health`.

One JSON object: state, detail, at. All processes of a worker write the same file. What the last one says counts: they
have the same settings, so they agree within one poll. `at` is when the process reported that is silent for longest, so
that one that hangs is not covered up by the others. The file is replaced in one step, so nobody reads half of it. It
holds names of settings and of dependencies, and codes of errors: no personal data.
"""

import json
import os
import stat
import tempfile
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Self

from email_activity.domain.errors import TransientError

#: Seconds between two writes of the same.
WRITE_EVERY = 1.0

#: Seconds of silence after which a worker counts as dead, unless who asks says otherwise.
MAX_AGE = 60

#: Bytes; no health file is longer.
MAX_BYTES = 4096

#: Codes with which Redis, SQS and DynamoDB refuse what the settings name, or who asks. They answer, so it is the
#: settings or the rights that have to change.
REDIS_REFUSALS = {"AuthenticationError", "AuthenticationWrongNumberOfArgsError", "NoPermissionError"}
WRONG_CREDENTIALS = {"NoCredentialsError", "PartialCredentialsError", "InvalidClientTokenId"}
WRONG_SIGNATURE = {"UnrecognizedClientException", "InvalidSignatureException", "SignatureDoesNotMatch"}
NO_RIGHTS = {"AccessDenied", "AccessDeniedException"}
NO_QUEUE = {"QueueDoesNotExist", "AWS.SimpleQueueService.NonExistentQueue", "InvalidAddress", "InvalidParameterValue"}
NO_TABLE = {"ResourceNotFoundException", "ValidationException", "ParamValidationError"}
REFUSALS = REDIS_REFUSALS | WRONG_CREDENTIALS | WRONG_SIGNATURE | NO_RIGHTS | NO_QUEUE | NO_TABLE


class State(StrEnum):
    POLLING = "polling"
    #: A dependency does not answer. The worker goes on by itself when it does.
    WAITING = "waiting"
    #: Nothing is polled until somebody sets it right.
    WRONG_SETTING = "wrong_setting"


@dataclass(frozen=True, slots=True)
class Health:
    state: State
    detail: str = ""

    @classmethod
    def of(cls, error: TransientError) -> Self:
        if error.detail in REFUSALS:
            return cls(State.WRONG_SETTING, f"{error.dependency} refuses: {error.detail}")
        return cls(State.WAITING, str(error))


def problem_of(health: Health, age: float, max_age: float) -> str:
    """What to say of a worker that has to be started anew, or set right; empty for one that polls or waits.

    age: seconds since the process reported that is silent for longest.
    """
    if age >= max_age:
        return (
            f"last word {age:.0f} s ago, more than {max_age:g} s: the worker or one of its processes hangs or is gone. "
            "Start it anew"
        )
    return f"wrong setting: {health.detail}" if health.state is State.WRONG_SETTING else ""


#: Notes that this process is in a state; returns when the process of the worker did so that is silent for longest.
ReportState = Callable[[State], float]


def report_alone(_: State) -> float:
    """Of a process that has no others beside it."""
    return time.monotonic()


class HealthFile:
    """Used by the threads of one process."""

    def __init__(self, path: str, report_state: ReportState = report_alone) -> None:
        self._path = Path(path)
        self._report_state = report_state
        self._lock = threading.Lock()
        self._last: Health | None = None
        self._written_at = 0.0

    def write(self, health: Health) -> None:
        """At most once a second if nothing has changed. Raises OSError."""
        with self._lock:
            now = time.monotonic()
            if health == self._last and now - self._written_at < WRITE_EVERY:
                return
            at = self._report_state(health.state)
            self._last, self._written_at = health, now
            self._replace(json.dumps({"state": health.state, "detail": health.detail, "at": at}).encode())

    def _replace(self, content: bytes) -> None:
        """Readable by the owner only. A device or a link of this name, which others may have put there, stays there."""
        with suppress(FileNotFoundError):
            _require_regular(self._path, self._path.lstat())
        handle, draft = tempfile.mkstemp(prefix=".email-activity-", dir=self._path.parent)
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(content)
            os.replace(draft, self._path)  # noqa: PTH105  a name as mkstemp gives it
        except OSError:
            Path(draft).unlink(missing_ok=True)
            raise


def read_health(path: str) -> tuple[Health, float]:
    """What was reported last, and its age in seconds, by the clock that all processes of a machine share.

    Raises FileNotFoundError if nothing was since the machine started, OSError, or ValueError if it is no health file.
    """
    with open(path, "rb", opener=_open_to_read) as file:
        _require_regular(Path(path), os.fstat(file.fileno()))
        content = json.loads(file.read(MAX_BYTES))
    try:
        age = time.monotonic() - float(content["at"])
        health = Health(State(content["state"]), str(content["detail"]))
    except (KeyError, TypeError) as error:
        raise ValueError("not a health file") from error
    if age < 0:
        raise FileNotFoundError(path)
    return health, age


def _open_to_read(path: str, flags: int) -> int:
    """A link is not followed, and a pipe of this name does not block the check."""
    return os.open(path, flags | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)


def _require_regular(path: Path, status: os.stat_result) -> None:
    if not stat.S_ISREG(status.st_mode):
        raise OSError(f"HEALTH_FILE: got {str(path)!r}, want a regular file")
    if status.st_uid != os.geteuid() and os.geteuid() != 0:
        raise PermissionError(f"HEALTH_FILE: got {str(path)!r}, which belongs to another user")
