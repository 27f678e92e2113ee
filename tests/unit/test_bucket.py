"""Objects in S3 as files to replay: listed in order, and read whole though connections are lost."""

import gzip
import io
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from unittest.mock import MagicMock

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError
from hypothesis import given
from hypothesis import strategies as st
from urllib3.exceptions import ProtocolError

from email_activity.replay import bucket as bucket_module
from email_activity.replay.archive import unpacked
from email_activity.replay.bucket import BucketArchive
from email_activity.replay.files import ArchiveFile, StoppedError, find_files

AT = datetime(2026, 11, 26, tzinfo=UTC)


class Body(io.BytesIO):
    """Gives a few bytes, and then fails."""

    def __init__(self, content: bytes, until: int | None) -> None:
        super().__init__(content)
        self.until = until

    def read(self, size: int | None = -1) -> bytes:
        if self.until is None:
            return super().read(size)
        if self.tell() >= self.until:
            raise ProtocolError("connection broken")
        return super().read(min(size or 0, self.until - self.tell()))


@dataclass
class FakeS3:
    """One object. cuts: after how many bytes each of the connections is lost; what follows is given whole."""

    content: bytes
    cuts: list[int] = field(default_factory=list)
    errors: list[Exception] = field(default_factory=list)
    asked: list[dict[str, Any]] = field(default_factory=list)

    def get_object(self, **asked: Any) -> dict[str, Any]:
        self.asked.append(asked)
        if self.errors:
            raise self.errors.pop(0)
        start = int(asked.get("Range", "bytes=0-")[len("bytes=") : -1])
        return {"ETag": "v1", "Body": Body(self.content[start:], self.cuts.pop(0) if self.cuts else None)}


@pytest.fixture(autouse=True)
def _hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bucket_module, "FIRST_PAUSE", 0.0)
    monkeypatch.setattr(bucket_module, "CHUNK", 8)  # so that most places are none that are read already


def read(s3: FakeS3, position: int = 0, is_stopping: Callable[[], bool] = lambda: False) -> bytes:
    file = ArchiveFile("s3://archive/mail/1", len(s3.content))
    with BucketArchive(s3).open(file, is_stopping) as opened:
        read_some = unpacked(opened, position)
        return b"".join(iter(lambda: read_some(7), b""))


def refusal(code: str) -> ClientError:
    return ClientError({"Error": {"Code": code}}, "GetObject")


@given(
    content=st.binary(min_size=1), cuts=st.lists(st.integers(1, 20), max_size=20), packed=st.booleans(), data=st.data()
)
def test_an_object_is_read_whole_from_any_place_though_connections_break(content, cuts, packed, data):
    position = data.draw(st.integers(0, len(content)))
    written = gzip.compress(content) if packed or content.startswith(b"\x1f\x8b") else content
    s3 = FakeS3(written, cuts)
    assert read(s3, position) == content[position:]
    assert all(asked["Bucket"] == "archive" and asked["Key"] == "mail/1" for asked in s3.asked)
    assert all(asked["IfMatch"] == "v1" for asked in s3.asked[1:]), "another object of that name is not read on"


def test_what_s3_refuses_for_good_is_asked_for_once_and_is_no_such_file():
    for code in ("AccessDenied", "NoSuchKey", "InvalidObjectState", "PreconditionFailed"):
        s3 = FakeS3(b"content", errors=[refusal(code)] * 2)
        with pytest.raises(OSError, match=code) as raised:
            read(s3)
        assert raised.value.filename == "s3://archive/mail/1"
        assert len(s3.asked) == 1


def test_trouble_that_passes_is_waited_for_and_trouble_that_lasts_is_told():
    passing = [refusal("SlowDown"), EndpointConnectionError(endpoint_url="x"), refusal("InternalError")]
    assert read(FakeS3(b"content", errors=list(passing))) == b"content"
    with pytest.raises(OSError, match="SlowDown"):
        read(FakeS3(b"content", errors=[refusal("SlowDown")] * bucket_module.ATTEMPTS))


def test_a_stop_is_not_kept_waiting_by_an_object():
    with pytest.raises(StoppedError):
        read(FakeS3(b"content"), is_stopping=lambda: True)


def listing(*keys: tuple[str, int]) -> MagicMock:
    pages = [{"Contents": [{"Key": key, "Size": size, "LastModified": AT}]} for key, size in keys]
    s3 = MagicMock()
    s3.get_paginator.return_value.paginate.return_value = [*pages, {}]
    return s3


def test_objects_are_listed_once_each_as_s3_orders_them_and_folders_are_none():
    s3 = listing(("mail/10", 3), ("mail/2", 4), ("mail/empty/", 0))
    found = find_files(["s3://archive/mail/", "s3://archive/mail/"], find_objects=BucketArchive(s3).find)
    assert [(file.name, file.size) for file in found] == [("s3://archive/mail/10", 3), ("s3://archive/mail/2", 4)]
    assert {file.mtime_ns for file in found} == {int(AT.timestamp()) * 10**9}
    s3.get_paginator.return_value.paginate.assert_called_with(Bucket="archive", Prefix="mail/")


@pytest.mark.parametrize("keys", [(), (("mail/", 0),)])
def test_a_prefix_under_which_there_is_nothing_is_no_archive_done(keys):
    with pytest.raises(FileNotFoundError, match="no object whose key begins so"):
        find_files(["s3://archive/mail/"], find_objects=BucketArchive(listing(*keys)).find)


def test_what_is_done_already_is_not_read_again():
    content = bytes(range(40, 100))
    s3 = FakeS3(content)
    assert read(s3, 50) == content[50:]
    assert s3.asked[-1]["Range"] == "bytes=50-"
