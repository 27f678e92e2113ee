"""The documents that could not be sent, each with its reason, in a file that can be replayed once mended."""

import hashlib
import json
import os
from collections.abc import Iterable
from pathlib import Path
from typing import BinaryIO

from email_activity.domain.errors import PermanentError
from email_activity.durable_files import open_regular, sync_folder
from email_activity.replay.messages import ArchivedMessage


class Rejects:
    """JSON lines, each a Lambda payload with one document in it. Readable by the owner only, since documents hold
    personal data.

    A run that goes on after a kill may reject again what stands here: a line that is here is not written again.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._known: set[bytes] | None = None

    def write(self, rejected: Iterable[tuple[ArchivedMessage, PermanentError]]) -> None:
        """Onto the disk. Raises OSError."""
        with open(self.path, "a+b", opener=_only_for_the_owner) as file:
            if self._known is None:
                self._known = _digests(file)
                sync_folder(self.path.parent)
            for line in (_line(message, error) for message, error in rejected):
                if _digest(line) not in self._known:
                    self._known.add(_digest(line))
                    file.write(line)
            file.flush()
            os.fsync(file.fileno())


def _line(message: ArchivedMessage, error: PermanentError) -> bytes:
    """What is too large to be kept stands in the archive at the position told."""
    reasons = {"reason": error.reason, **({"detail": error.detail} if error.detail else {})}
    attributes = {name: {"dataType": "String", "stringValue": text} for name, text in reasons.items()}
    record = {"body": message.body or "", "messageAttributes": attributes}
    # In ASCII, since a body that is no UTF-8 must come back byte by byte.
    return json.dumps({"Records": [record], "file": message.file, "position": message.position}).encode() + b"\n"


def _digests(file: BinaryIO) -> set[bytes]:
    """Of its lines. Ends one that a kill has cut off."""
    file.seek(0)
    line, digests = b"\n", set()
    for line in file:
        digests.add(_digest(line))
    if not line.endswith(b"\n"):
        file.write(b"\n")
    return digests


def _only_for_the_owner(path: str, flags: int) -> int:
    """Also where it was there before, readable to others. A link, a pipe or a file of another user, which somebody may
    have put into a shared folder, raises OSError.
    """
    opened = open_regular(path, flags)
    try:
        os.fchmod(opened, 0o600)
    except OSError:
        os.close(opened)
        raise
    return opened


def _digest(line: bytes) -> bytes:
    return hashlib.sha256(line).digest()[:16]
