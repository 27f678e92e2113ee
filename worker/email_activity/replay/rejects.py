"""The documents that could not be recorded, each with its reason, in a file that can be replayed once mended."""

import errno
import hashlib
import json
import os
import stat
from pathlib import Path
from typing import Any

from email_activity.domain.errors import PermanentError
from email_activity.replay.archive import Part

#: Bytes that wait to be written, at most.
MAX_WAITING = 8 * 1024 * 1024


class Rejects:
    """JSON lines, each a Lambda payload with one document in it (or with those that a payload held already). Readable
    by the owner only, since documents hold personal data.

    A run that goes on after a kill may reject again what stands here: a line that is here is not written again.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._known: set[bytes] | None = None
        self._waiting: list[bytes] = []
        self._waiting_bytes = 0

    def add(self, file: str, part: Part, error: PermanentError) -> None:
        reasons = {"reason": error.reason, **({"detail": error.detail} if error.detail else {})}
        attributes = {name: {"dataType": "String", "stringValue": text} for name, text in reasons.items()}
        records = [{**record, "messageAttributes": attributes} for record in _records(part.body)]
        # In ASCII, since a body that is no UTF-8 must come back byte by byte.
        line = json.dumps({"Records": records, "file": file, "position": part.start}).encode() + b"\n"
        self._waiting.append(line)
        self._waiting_bytes += len(line)
        if self._waiting_bytes > MAX_WAITING:
            self.flush()

    def flush(self) -> None:
        """Onto the disk. Raises OSError."""
        if not self._waiting:
            return
        is_first = self._known is None
        if self._known is None:
            self._known = self._read_known()
        with open(self.path, "ab", opener=_only_for_the_owner) as file:
            for line in self._waiting:
                if _digest(line) not in self._known:
                    self._known.add(_digest(line))
                    file.write(line)
            file.flush()
            os.fsync(file.fileno())
        if is_first:
            _sync_folder(self.path.parent)
        self._waiting.clear()
        self._waiting_bytes = 0

    def _read_known(self) -> set[bytes]:
        """Ends a line that a kill has cut off."""
        known, line = set(), b"\n"
        if self.path.exists():
            with open(self.path, "rb", opener=_only_for_the_owner) as file:
                for line in file:
                    known.add(_digest(line))
        if not line.endswith(b"\n"):
            with open(self.path, "ab", opener=_only_for_the_owner) as file:
                file.write(b"\n")
        return known


def _records(body: str | None) -> list[dict[str, Any]]:
    """A body that already is a payload of such records stays one, or each replay would wrap it once more.

    What is too large to be kept stands in the archive at the position told.
    """
    try:
        payload = json.loads(body or "")
    except (ValueError, RecursionError):
        payload = None
    match payload:
        case {"Records": [*records]} if records and all(_holds_body(record) for record in records):
            return records
    return [{"body": body or ""}]


def _holds_body(record: object) -> bool:
    return isinstance(record, dict) and isinstance(record.get("body"), str)


def _only_for_the_owner(path: str, flags: int) -> int:
    """Also where it was there before, readable to others. A link, a pipe or a file of another user, which somebody may
    have put into a shared folder, raises OSError.
    """
    opened = os.open(path, flags | os.O_NOFOLLOW | os.O_NONBLOCK, 0o600)
    try:
        _require_regular(opened, path)
        os.fchmod(opened, 0o600)
    except OSError:
        os.close(opened)
        raise
    return opened


def _require_regular(opened: int, path: str) -> None:
    if not stat.S_ISREG(os.fstat(opened).st_mode):
        raise OSError(errno.EINVAL, "not a regular file", path)


def _sync_folder(folder: Path) -> None:
    """A new file is found after a power cut only if its folder was written too."""
    opened = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)


def _digest(line: bytes) -> bytes:
    return hashlib.sha256(line).digest()[:16]
