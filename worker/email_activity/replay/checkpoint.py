"""How far a replay has come: for each file, the position before which everything is sent or rejected."""

import json
import os
from collections.abc import Mapping
from dataclasses import astuple, dataclass, field
from pathlib import Path
from typing import Annotated, Any, Self

import msgspec

from email_activity.domain.errors import ActivityError
from email_activity.durable_files import open_regular
from email_activity.replay.files import ArchiveFile
from email_activity.settings import EVERYTHING, Settings

#: Settings that, with the tracked types, decide what is sent and stored: under others a checkpoint says nothing.
DECISIVE = (
    "document_type_tag",
    "document_type_header",
    "document_id_tag",
    "document_id_header",
    "account_id_tag",
    "account_id_header",
    "store_subject",
    "store_full_ip",
    "store_link_query",
    "retention_days",
)


class CheckpointError(ActivityError):
    """The checkpoint does not belong to this replay. Choose another file, or begin anew with --from-start."""


@dataclass(frozen=True, slots=True)
class FileProgress:
    """How far one file is done, as long as it has this size and time."""

    size: int
    mtime_ns: int
    position: int = 0
    is_done: bool = False


NotNegative = Annotated[int, msgspec.Meta(ge=0)]


class CheckpointFile(msgspec.Struct):
    """The checkpoint's JSON."""

    about: dict[str, str]
    rejected: NotNegative
    files: dict[str, tuple[int, int, NotNegative, bool]]


@dataclass(slots=True)
class Checkpoint:
    """fingerprint: the queue, the table and the settings; under others the work would be another."""

    path: Path
    fingerprint: Mapping[str, str]
    files: dict[str, FileProgress] = field(default_factory=dict)
    #: Documents, in this run and in those before it.
    rejected: int = 0

    @classmethod
    def load(cls, path: Path, fingerprint: Mapping[str, str]) -> Self:
        """A new one if there is none yet. Raises CheckpointError, or OSError."""
        try:
            with open(path, "rb", opener=open_regular) as file:
                written = msgspec.convert(json.load(file), CheckpointFile)  # msgspec refuses lone surrogates in names
        except FileNotFoundError:
            return cls(path, fingerprint)
        except (msgspec.ValidationError, ValueError, RecursionError):
            raise CheckpointError(f"{path} is no checkpoint that this version can read") from None
        files = {name: FileProgress(*progress) for name, progress in written.files.items()}
        checkpoint = cls(path, written.about, files, written.rejected)
        for name, value in fingerprint.items():
            before = checkpoint.fingerprint.get(name)
            if before is None:
                raise CheckpointError(f"{path} does not tell {name}, so another version wrote it: use --from-start")
            if before != value:
                raise CheckpointError(f"{path} is about {name}={before}, and now it is {value}")
        return checkpoint

    def progress_of(self, file: ArchiveFile) -> FileProgress:
        """A file that has changed since is read from its start."""
        progress = self.files.get(file.name)
        if progress and (progress.size, progress.mtime_ns) == (file.size, file.mtime_ns):
            return progress
        return FileProgress(file.size, file.mtime_ns)

    def save(self) -> None:
        """Whole or not at all, whenever the machine stops, and through no link. Raises OSError."""
        files = {name: astuple(progress) for name, progress in self.files.items()}
        temporary = self.path.with_name(self.path.name + ".new")
        temporary.unlink(missing_ok=True)  # a kill may have left one
        with temporary.open("x") as file:
            file.write(json.dumps({"about": self.fingerprint, "rejected": self.rejected, "files": files}))
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(self.path)


def fingerprint(settings: Settings, queue_url: str, table: Mapping[str, Any]) -> dict[str, str]:
    """table: as DescribeTable has it. One restored or made anew is another one, though it has the name of the old."""
    return {
        "queue": queue_url,
        "table": table["TableArn"],
        "table created at": table["CreationDateTime"].isoformat(),
        "TRACKED_DOCUMENT_TYPES": ",".join(sorted(settings.tracked)) or EVERYTHING,
        **{name.upper(): str(getattr(settings, name)) for name in DECISIVE},
    }
