"""Archives in S3: their objects as files to read, and reading one, on from where a connection was lost.

https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListObjectsV2.html
https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetObject.html
"""

import errno
import io
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError
from urllib3.exceptions import HTTPError

from email_activity.aws.backoff import backoff
from email_activity.domain.errors import code_of
from email_activity.replay.archive import CHUNK
from email_activity.replay.files import S3, ArchiveFile, StoppedError, open_archive

#: Attempts in a row that bring not a byte, after which an object counts as unreadable; the longest pause, in seconds,
#: and those between two looks whether to stop.
ATTEMPTS = 5
FIRST_PAUSE = 0.2
LONGEST_PAUSE = 5.0
LOOK_EVERY = 0.1

#: An attempt more will not help.
FINAL = frozenset({"AccessDenied", "NoSuchKey", "NoSuchBucket", "InvalidObjectState", "PreconditionFailed"})


class BucketArchive:
    """s3: boto3's client."""

    def __init__(self, s3: Any) -> None:
        self._s3 = s3

    def find(self, url: str) -> Iterator[ArchiveFile]:
        """All objects whose keys begin as told, in the order of their keys, in which S3 lists them.

        Raises OSError if there are none, and what boto3 raises.
        """
        bucket, prefix = _parts(url)
        is_empty = True
        for page in self._s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix):
            for each in page.get("Contents", []):
                if each["Size"]:  # the console makes an empty object for a folder
                    is_empty = False
                    name = f"{S3}{bucket}/{each['Key']}"
                    yield ArchiveFile(name, each["Size"], int(each["LastModified"].timestamp()) * 10**9)
        if is_empty:
            raise FileNotFoundError(errno.ENOENT, "there is no object whose key begins so", url)

    @contextmanager
    def open(self, file: ArchiveFile, is_stopping: Callable[[], bool]) -> Iterator[io.BufferedReader]:
        """Raises OSError. A file that is none of S3's is opened as such."""
        if not file.name.startswith(S3):
            with open_archive(file, is_stopping) as opened:
                yield opened
            return
        with closing(ObjectReader(self._s3, file, is_stopping)) as raw:
            yield io.BufferedReader(raw, CHUNK)


class ObjectReader(io.RawIOBase):
    """One object, of which a lost connection loses nothing: it is read on from the same byte, if it is still the same.

    A replay that is bound to a rate pauses for longer than S3 keeps a connection.
    """

    def __init__(self, s3: Any, file: ArchiveFile, is_stopping: Callable[[], bool]) -> None:
        self._s3 = s3
        self._bucket, self._key = _parts(file.name)
        self._file = file
        self._is_stopping = is_stopping
        self._position = 0
        self._etag = ""
        self._body: Any = None

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._position

    def seek(self, position: int, whence: int = io.SEEK_SET) -> int:
        """From the start only, which is all that resuming takes."""
        if whence != io.SEEK_SET:
            raise io.UnsupportedOperation("seek from elsewhere than the start")
        if position != self._position:
            self._forget_body()
            self._position = position
        return position

    def readinto(self, buffer: bytearray | memoryview) -> int:  # type: ignore[override]
        """Fills it, unless the object ends before or cannot be read on. Raises OSError, StoppedError."""
        filled = attempt = 0
        while filled < len(buffer) and self._position < self._file.size:
            if self._is_stopping():
                raise StoppedError
            try:
                piece = self._opened().read(len(buffer) - filled)
            except (ClientError, BotoCoreError, HTTPError, OSError) as error:
                self._forget_body()
                attempt += 1
                if attempt >= ATTEMPTS or code_of(error) in FINAL:
                    if filled:
                        break  # the next read raises
                    raise OSError(errno.EIO, f"S3 does not give it ({code_of(error)})", self._file.name) from error
                self._pause(attempt)
                continue
            if not piece:
                break
            buffer[filled : filled + len(piece)] = piece
            filled, attempt = filled + len(piece), 0
            self._position += len(piece)
        return filled

    def close(self) -> None:
        self._forget_body()
        super().close()

    def _opened(self) -> Any:
        if self._body is None:
            same = {"IfMatch": self._etag} if self._etag else {}
            there = {"Range": f"bytes={self._position}-"} if self._position else {}
            answer = self._s3.get_object(Bucket=self._bucket, Key=self._key, **same, **there)
            self._etag, self._body = answer["ETag"], answer["Body"]
        return self._body

    def _forget_body(self) -> None:
        if self._body is not None:
            self._body.close()
            self._body = None

    def _pause(self, attempt: int) -> None:
        until = time.monotonic() + backoff(attempt, FIRST_PAUSE, LONGEST_PAUSE)
        while time.monotonic() < until and not self._is_stopping():
            time.sleep(LOOK_EVERY)


def _parts(url: str) -> tuple[str, str]:
    """Bucket and key, or the beginning of keys."""
    bucket, _, key = url.removeprefix(S3).partition("/")
    return bucket, key
