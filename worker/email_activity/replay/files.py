"""Which files an archive is made of, and reading one so that a stop need not wait for it."""

import io
import os
import re
import select
import stat
import sys
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

#: The name of standard input.
STDIN = "-"

#: What the names end with that replays give to their own files.
REJECTS = ".rejects.jsonl"
OWN = re.compile(rf"{re.escape(REJECTS)}$|\.replay-[0-9a-f]{{8}}\.json(\.new)?$")

#: Bytes of one read of a file.
BUFFER = 64 * 1024

#: Seconds between two looks whether to stop, while nothing comes.
LOOK_EVERY = 0.2


class StoppedError(Exception):
    """Somebody wants the work to end."""


@dataclass(frozen=True, slots=True)
class ArchiveFile:
    """`name` is the path as given, so it is the same when the same command is given again."""

    name: str
    size: int = 0
    mtime_ns: int = 0
    #: A pipe can be read once only.
    is_stream: bool = False


def find_files(paths: Sequence[str], own: Collection[Path] = ()) -> list[ArchiveFile]:
    """All files to read, each once, in order of path within each of the paths. Raises OSError if one is not there.

    own: files that this run writes, which may lie in the folder that it reads.
    """
    if list(paths) == [STDIN]:
        return [ArchiveFile(STDIN, is_stream=True)]
    leave_out = {os.path.realpath(path) for path in own}
    found: dict[str, ArchiveFile] = {}
    for given in map(Path, paths):
        for path in _files_in(given) if given.is_dir() else [given]:
            real = os.path.realpath(path)
            if real not in leave_out and real not in found:
                told = path.stat()
                is_stream = not stat.S_ISREG(told.st_mode)
                found[real] = ArchiveFile(str(path), told.st_size, told.st_mtime_ns, is_stream)
    return list(found.values())


def _files_in(folder: Path) -> list[Path]:
    """Without hidden ones, such as parts of a download under way, and what replays wrote; in the order of S3, which
    sorts whole keys.
    """
    found = []
    for root, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if not name.startswith(".")]
        found += [Path(root, name) for name in names if not name.startswith(".") and not OWN.search(name)]
    return sorted((path for path in found if path.is_file()), key=lambda path: path.relative_to(folder).as_posix())


class Opened(io.RawIOBase):
    """A file that counts the bytes read, and raises StoppedError instead of waiting on when it is time to stop."""

    def __init__(self, raw: Any, is_stopping: Callable[[], bool], *, must_wait: bool, is_shared: bool) -> None:
        """must_wait: a read may wait. is_shared: others close it."""
        self._raw = raw
        self._is_stopping = is_stopping
        self._must_wait = must_wait
        self._is_shared = is_shared
        self.count = 0

    @classmethod
    def open(cls, file: ArchiveFile, is_stopping: Callable[[], bool]) -> Self:
        """Raises OSError."""
        if file.name != STDIN:
            return cls(io.FileIO(file.name), is_stopping, must_wait=file.is_stream, is_shared=False)
        # Below its buffer, which would hide from `select` what it holds.
        raw = getattr(sys.stdin.buffer, "raw", sys.stdin.buffer)
        return cls(raw, is_stopping, must_wait=isinstance(raw, io.FileIO), is_shared=True)

    def buffered(self) -> io.BufferedReader:
        return io.BufferedReader(self, BUFFER)

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return not self._must_wait

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        self.count = self._raw.seek(offset, whence)
        return self.count

    def tell(self) -> int:
        return int(self._raw.tell())

    def readinto(self, buffer: bytearray | memoryview) -> int:  # type: ignore[override]
        while not self._is_stopping():
            if not self._must_wait or select.select([self._raw], [], [], LOOK_EVERY)[0]:
                count = int(self._raw.readinto(buffer) or 0)
                self.count += count
                return count
        raise StoppedError

    def close(self) -> None:
        if not self.closed and not self._is_shared:
            self._raw.close()
        super().close()
