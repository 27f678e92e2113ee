"""Files that stand after a power cut, and files that somebody else may have put something in the place of."""

import errno
import os
import stat
from pathlib import Path


def sync_folder(folder: Path) -> None:
    """A new file is found after a power cut only if its folder was written too. Raises OSError."""
    opened = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)


def open_regular(path: str, flags: int) -> int:
    """For `open`, as its opener. A link, a pipe or a device raises OSError, and never blocks; a new file is its
    owner's alone.
    """
    try:
        opened = os.open(path, flags | os.O_NOFOLLOW | os.O_NONBLOCK, 0o600)
    except OSError as error:
        if error.errno == errno.ELOOP:
            raise OSError(errno.ELOOP, "a symbolic link, which is not followed", path) from None
        raise
    if not stat.S_ISREG(os.fstat(opened).st_mode):
        os.close(opened)
        raise OSError(errno.EINVAL, "not a regular file", path)
    return opened
