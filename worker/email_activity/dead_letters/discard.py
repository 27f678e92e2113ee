"""Write dead letters to a file before they are deleted.

A line is a Lambda payload with one record, as SQS hands messages to a function: `email-activity parse` reads it.
https://docs.aws.amazon.com/lambda/latest/dg/with-sqs.html
"""

import base64
import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Self

from email_activity.dead_letters.letter import Letter

#: Messages hold personal data.
ONLY_THE_OWNER = 0o600


class Archive:
    """A file of its own, made with the first letter; never one that is there already."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file: int | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._file is not None:
            os.close(self._file)

    def write(self, letters: Sequence[Letter]) -> dict[str, str]:
        """On the disk when it returns. Raises OSError, and then has left no half line.

        https://man7.org/linux/man-pages/man2/fsync.2.html
        """
        if self._file is None:
            self._file = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND, ONLY_THE_OWNER)
            _sync_folder(self._path.parent)
        size = os.fstat(self._file).st_size
        try:
            _write_all(self._file, "".join(f"{json.dumps(_payload(each))}\n" for each in letters).encode())
            os.fsync(self._file)
        except OSError:
            os.ftruncate(self._file, size)
            raise
        return {}


def _write_all(file: int, data: bytes) -> None:
    left = memoryview(data)
    while left:
        left = left[os.write(file, left) :]


def _sync_folder(folder: Path) -> None:
    """A file is found after a power cut only if its folder was written too."""
    opened = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)


def _payload(letter: Letter) -> dict[str, Any]:
    record = {
        "messageId": letter.summary.id,
        "body": letter.body,
        "attributes": dict(letter.attributes),
        "messageAttributes": {name: _attribute(value) for name, value in letter.message_attributes.items()},
        "eventSource": "aws:sqs",
    }
    return {"Records": [record]}


def _attribute(given: Mapping[str, Any]) -> dict[str, str]:
    if "BinaryValue" in given:
        return {"binaryValue": base64.b64encode(given["BinaryValue"]).decode(), "dataType": given["DataType"]}
    return {"stringValue": given.get("StringValue", ""), "dataType": given.get("DataType", "String")}
