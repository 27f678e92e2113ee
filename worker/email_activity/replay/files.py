"""Which files an archive is made of, and opening one."""

import io
import os
import re
import select
import stat
import sys
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from email_activity.durable_files import open_regular

#: The name of standard input, and how the names of archives in S3 begin.
STDIN = "-"
S3 = "s3://"

#: What the names of a replay's own files end with.
REJECTS = ".rejects.jsonl"
OWN = re.compile(rf"{re.escape(REJECTS)}$|\.replay-[0-9a-f]{{8}}\.json(\.new)?$")

#: Seconds between two looks whether to stop, while a pipe brings nothing.
LOOK_EVERY = 0.2


class StoppedError(Exception):
    """The user has interrupted the replay."""


@dataclass(frozen=True, slots=True)
class ArchiveFile:
    """name: the path as given, so that it is the same when the same command is given again. size: bytes."""

    name: str
    size: int = 0
    mtime_ns: int = 0
    #: A pipe, which can be read once only.
    is_stream: bool = False
    #: Found in a folder, not given by name: whoever fills the folder may have put a link in its place.
    is_from_folder: bool = False


def find_files(
    paths: Sequence[str],
    own: Collection[Path] = (),
    find_objects: Callable[[str], Iterable["ArchiveFile"]] | None = None,
) -> list[ArchiveFile]:
    """All files to read, each once, in order of path within each of the paths. Raises OSError if one is not there.

    own: files that this run writes, which may lie in the folder that it reads. find_objects: lists an `s3://` path.
    """
    if list(paths) == [STDIN]:
        return [ArchiveFile(STDIN, is_stream=True)]
    leave_out = {os.path.realpath(path) for path in own}
    files: dict[str, ArchiveFile] = {}
    for path_or_url in paths:
        if find_objects and path_or_url.startswith(S3):
            files |= {each.name: each for each in find_objects(path_or_url)}
            continue
        given = Path(path_or_url)
        is_folder = given.is_dir()
        for path in _files_in(given) if is_folder else [given]:
            real = os.path.realpath(path)
            if real not in leave_out and real not in files:
                status = path.stat()
                is_stream = not stat.S_ISREG(status.st_mode)
                files[real] = ArchiveFile(str(path), status.st_size, status.st_mtime_ns, is_stream, is_folder)
    return list(files.values())


def _files_in(folder: Path) -> list[Path]:
    """In the order of S3, which sorts whole keys. Left out: hidden files, such as parts of a download under way; what
    replays wrote; and links to files that are read anyway.
    """
    paths = []
    for root, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if not name.startswith(".")]
        paths += [Path(root, name) for name in names if not name.startswith(".") and not OWN.search(name)]
    read_anyway = {path.resolve() for path in paths if not path.is_symlink()}
    found = (path for path in paths if path.is_file() and not (path.is_symlink() and path.resolve() in read_anyway))
    return sorted(found, key=lambda path: path.relative_to(folder).as_posix())


@contextmanager
def open_archive(file: ArchiveFile, is_stopping: Callable[[], bool]) -> Iterator[io.BufferedReader]:
    """Raises OSError, also for a link that stands in a folder. Reading from a pipe raises StoppedError as soon as it is
    time to stop.
    """
    if file.name == STDIN:
        # Below its buffer, which would hide from `select` what it holds.
        pipe: Any = getattr(sys.stdin.buffer, "raw", None)
        source: Any = InterruptiblePipe(pipe, is_stopping) if pipe else sys.stdin.buffer
        yield io.BufferedReader(source)
        return
    with io.FileIO(file.name, opener=open_regular if file.is_from_folder else None) as raw:
        yield io.BufferedReader(InterruptiblePipe(raw, is_stopping) if file.is_stream else raw)


class InterruptiblePipe(io.RawIOBase):
    """Whose reads do not wait on when it is time to stop."""

    def __init__(self, raw: io.FileIO, is_stopping: Callable[[], bool]) -> None:
        self._raw = raw
        self._is_stopping = is_stopping

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: bytearray | memoryview) -> int | None:  # type: ignore[override]
        while not self._is_stopping():
            if select.select([self._raw], [], [], LOOK_EVERY)[0]:
                return self._raw.readinto(buffer)
        raise StoppedError
