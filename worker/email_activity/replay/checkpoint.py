"""How far a replay has come: for each file, the position before which everything is stored or rejected."""

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

from email_activity.domain.errors import ActivityError
from email_activity.replay.files import ArchiveFile
from email_activity.settings import EVERYTHING, Settings

#: Settings that, with the tracked types, decide what is stored: under others a checkpoint says nothing.
DECISIVE = (
    "document_type_tag",
    "document_type_header",
    "document_id_tag",
    "document_id_header",
    "account_id_tag",
    "account_id_header",
    "store_subject",
    "retention_days",
)


class CheckpointError(ActivityError):
    """The checkpoint does not belong to this replay. Choose another file, or begin anew with --from-start."""


@dataclass(frozen=True, slots=True)
class Mark:
    """How far one file is done, as long as it is of this size and time."""

    size: int
    mtime_ns: int
    position: int = 0
    is_done: bool = False


@dataclass(slots=True)
class Checkpoint:
    """about: the table and the settings that decide what is stored; under others the work would be another."""

    path: Path
    about: Mapping[str, str]
    marks: dict[str, Mark] = field(default_factory=dict)
    #: Documents, in this run and in those before it.
    rejected: int = 0

    @classmethod
    def load(cls, path: Path, about: Mapping[str, str]) -> Self:
        """A new one if there is none yet. Raises CheckpointError, or OSError."""
        try:
            written = json.loads(path.read_text())
            marks = {name: Mark(*mark) for name, mark in written["files"].items()}
            found = cls(path, written["about"], marks, int(written["rejected"]))
        except FileNotFoundError:
            return cls(path, about)
        except (ValueError, LookupError, TypeError, AttributeError):
            raise CheckpointError(f"{path} is no checkpoint that this version can read") from None
        for name, value in about.items():
            if found.about.get(name) != value:
                raise CheckpointError(f"{path} is about {name}={found.about.get(name)}, and now it is {value}")
        return found

    def mark_of(self, file: ArchiveFile) -> Mark:
        """A file that has changed since is read from its start."""
        mark = self.marks.get(file.name)
        if mark and (mark.size, mark.mtime_ns) == (file.size, file.mtime_ns):
            return mark
        return Mark(file.size, file.mtime_ns)

    def save(self) -> None:
        """Whole or not at all, whenever the machine stops. Raises OSError."""
        files = {name: [mark.size, mark.mtime_ns, mark.position, mark.is_done] for name, mark in self.marks.items()}
        temporary = self.path.with_name(self.path.name + ".new")
        with temporary.open("w") as file:
            file.write(json.dumps({"about": self.about, "rejected": self.rejected, "files": files}))
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(self.path)


def about(settings: Settings, table_arn: str, created_at: str) -> dict[str, str]:
    """A table restored or made anew is another one, though it has the name of the old."""
    return {
        "table": table_arn,
        "table created at": created_at,
        "TRACKED_DOCUMENT_TYPES": ",".join(sorted(settings.tracked)) or EVERYTHING,
        **{name.upper(): str(getattr(settings, name)) for name in DECISIVE},
    }
