"""Reading archives: the same documents whatever way they were written down, and every byte accounted for."""

import gzip
import io
import itertools
import json
import re
import tracemalloc
from collections.abc import Callable, Sequence

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from cputime import takes_at_most
from email_activity.replay import archive
from email_activity.replay.archive import MAX_BODY, MAX_QUOTED, Part, parts, unpacked
from email_activity.replay.files import find_files
from events import FORMS, KINDS, VALIDATION_TEXT, Email
from strategies import awkward_texts, json_values

BLANKS = re.compile(rb"(?:[ \t\r\n,\[\]]|\xef\xbb\xbf)*")

Joined = Callable[[Sequence[object]], str]


def _pretty(document: object) -> str:
    return json.dumps(document, indent=4)


#: Ways to write documents down.
WAYS: dict[str, Joined] = {
    "a line each": lambda documents: "".join(json.dumps(each) + "\n" for each in documents),
    "a line each, of Windows": lambda documents: "\r\n".join(json.dumps(each) for each in documents),
    "with blank lines": lambda documents: "\n\n" + "\n \n\n".join(json.dumps(each) for each in documents),
    "not in ASCII": lambda documents: "\n".join(json.dumps(each, ensure_ascii=False) for each in documents),
    "back to back": lambda documents: "".join(json.dumps(each) for each in documents),
    "pretty-printed": lambda documents: "\n".join(map(_pretty, documents)),
    "pretty-printed, back to back": lambda documents: "".join(map(_pretty, documents)),
    "with a byte order mark": lambda documents: "\ufeff" + "\n".join(map(_pretty, documents)),
    "an array": json.dumps,
    "a pretty-printed array": _pretty,
    "an array of strings": lambda documents: json.dumps([json.dumps(each) for each in documents]),
    "a string a line": lambda documents: "\n".join(json.dumps(json.dumps(each)) for each in documents),
}

MEMBERS = st.dictionaries(awkward_texts.filter(lambda text: text.isprintable()), json_values, max_size=4)


def in_chunks(raw: bytes, sizes: Sequence[int]) -> archive.Read:
    """Reads that return less than was asked for, as those of a pipe do."""
    stream, given_out = io.BytesIO(raw), iter(sizes)
    return lambda size: stream.read(min(size, next(given_out, size)))


def read_all(raw: bytes, sizes: Sequence[int] = (), position: int = 0) -> list[Part]:
    return list(parts(in_chunks(raw[position:], sizes), position))


def unpack(raw: bytes, position: int = 0) -> list[Part]:
    return list(parts(unpacked(io.BufferedReader(io.BytesIO(raw)), position), position))  # type: ignore[arg-type]


def values(found: Sequence[Part]) -> list[object]:
    assert [part.error for part in found if part.error] == []
    return [json.loads(part.body or "") for part in found]


def account_for(raw: bytes, found: Sequence[Part]) -> None:
    """In order, without overlap, and nothing but blanks between."""
    position = 0
    for part in found:
        assert position <= part.start < part.end <= len(raw)
        assert BLANKS.fullmatch(raw[position : part.start])
        position = part.end
    assert BLANKS.fullmatch(raw[position:])


encodable = MEMBERS.filter(lambda value: json.dumps(value, ensure_ascii=False).isascii() or _is_utf8(value))


def _is_utf8(value: object) -> bool:
    try:
        json.dumps(value, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        return False
    return True


@given(
    documents=st.lists(encodable, max_size=6),
    way=st.sampled_from(list(WAYS)),
    sizes=st.lists(st.integers(1, 40), max_size=200),
    is_packed=st.booleans(),
    data=st.data(),
)
def test_the_same_documents_however_they_were_written_down(documents, way, sizes, is_packed, data) -> None:
    raw = WAYS[way](documents).encode()
    found = unpack(gzip.compress(raw)) if is_packed else read_all(raw, sizes)
    assert values(found) == documents
    account_for(raw, found)
    # From the end of any of them, the rest.
    cut = data.draw(st.integers(0, len(found)))
    position = found[cut - 1].end if cut else 0
    assert (unpack(gzip.compress(raw), position) if is_packed else read_all(raw, sizes, position)) == found[cut:]


def seen(found: Sequence[Part]) -> list[tuple[object, ...]]:
    return [(part.start, part.end, part.body, part.error and part.error.reason) for part in found]


pieces = st.sampled_from([b'{"a":', b'{"Records":', b'"', b"\n", b"}", b"]", b"[", b",", b" ", b"1", b"\\", b"\xff"])


@given(raw=st.binary(max_size=200) | st.lists(pieces).map(b"".join), sizes=st.lists(st.integers(1, 9), max_size=100))
@example(b"\xef\xbb", [1, 1])
@example(b"\x1f\x8b", [])
def test_any_bytes_are_accounted_for_and_reading_may_go_on_behind_any_part(raw, sizes) -> None:
    found = read_all(raw, sizes)
    account_for(raw, found)
    assert seen(read_all(raw)) == seen(found)
    for number, part in enumerate(found, start=1):
        assert seen(read_all(raw, sizes, part.end)) == seen(found[number:])


@given(st.binary(max_size=300), st.integers(0, 400), st.binary(max_size=3))
def test_a_damaged_gzip_file_raises_nothing(body, cut, noise) -> None:
    packed = gzip.compress(b"".join(b"%d\n" % each for each in body))
    for broken in (packed[:cut] + noise + packed[cut + len(noise) :], packed[:cut], packed + noise):
        for part in unpack(broken):
            assert part.body is not None or part.error is not None


def test_a_cut_gzip_file_gives_its_first_documents_and_is_called_damaged() -> None:
    lines = [json.dumps(Email().send()) for _ in range(200)]
    found = unpack(gzip.compress("\n".join(lines).encode())[:-9_00])
    assert found[-1].error is not None
    assert found[-1].error.reason == "damaged"
    assert len(found) > 20
    assert [part.body for part in found[:-2]] == lines[: len(found) - 2]


def test_several_gzip_files_made_into_one_are_read_to_the_end() -> None:
    assert values(unpack(gzip.compress(b"\xef\xbb\xbf{}\n") + gzip.compress(b"\xef\xbb\xbf{}"))) == [{}, {}]


@pytest.mark.parametrize("form", FORMS)
def test_every_form_of_every_kind_comes_back_as_it_was(form: str) -> None:
    bodies = [FORMS[form](make(Email())).strip() for make in KINDS.values()]
    for separator in ("\n", ""):
        assert [part.body for part in read_all(separator.join(bodies).encode())] == bodies


@pytest.mark.parametrize(
    "broken",
    [
        '{"eventType": "Send", "mail": {"messag',
        '{"eventType": "Send", "mail": {"messageId": 1}',
        '{"eventType": "Send",, }',
        '{"a": "x\ny"}',
        "no JSON at all",
        "-" * 5_000,
        '{"a":' * 50_000,
        '{\n    "eventType": "Send",\n    "mail": {\n        "tags": [\n            1\n',
        '"a string without an end',
        '"name": {"left": "over"}',
    ],
)
@pytest.mark.parametrize("way", ["a line each", "pretty-printed"])
def test_what_is_broken_does_not_take_the_next_document_with_it(broken: str, way: str) -> None:
    """One part, as it stood, so that it can be mended."""
    before, after = Email().send(), Email().click()
    raw = (WAYS[way]([before]).strip() + "\n" + broken + "\n" + WAYS[way]([after])).encode()
    found = read_all(raw)
    account_for(raw, found)
    assert json.loads(found[0].body or "") == before
    assert json.loads(found[-1].body or "") == after
    assert "\n".join(part.body or "" for part in found[1:-1]) == broken.strip()


def test_a_line_of_text_is_a_document_of_its_own() -> None:
    """SES sends such when an event destination is made; `read` tells them from noise."""
    lines = [VALIDATION_TEXT, "noise", json.dumps({}), VALIDATION_TEXT, "123", "null"]
    assert [part.body for part in read_all("\n".join(lines).encode())] == lines


def test_a_broken_record_of_firehose_costs_at_most_the_one_behind_it() -> None:
    good = [json.dumps(Email().send()) for _ in range(4)]
    raw = (good[0] + good[1][:-30] + good[2] + good[3]).encode()
    found = read_all(raw)
    account_for(raw, found)
    bodies = [part.body for part in found]
    assert (bodies[0], bodies[-1]) == (good[0], good[3])
    assert "".join(map(str, bodies)) == raw.decode()


def test_what_is_no_utf_8_is_rejected_alone_and_byte_by_byte() -> None:
    raw = b'{"a": 1}\n{"subject": "caf\xe9"}\n{"a": 2}\nno JSON: \xe9\n{"a": 3}'
    found = read_all(raw)
    assert [part.error and part.error.reason for part in found] == [None, "not_utf8", None, "not_utf8", None]
    assert (found[1].body or "").encode(errors="surrogateescape") == b'{"subject": "caf\xe9"}'


@pytest.mark.parametrize("size", [MAX_BODY + 1, MAX_QUOTED - 20, MAX_QUOTED + 1, 2 * MAX_QUOTED + 5])
@pytest.mark.parametrize("start", ['{"eventType": "', "no JSON: "])
def test_a_document_larger_than_sqs_takes_is_rejected_with_a_reason(size: int, start: str) -> None:
    end = '"}' if start.startswith("{") else ""
    raw = b'{"a": 1}\n' + start.encode() + b"x" * (size - len(start) - len(end)) + end.encode() + b'\n{"a": 2}'
    found = read_all(raw)
    account_for(raw, found)
    assert [part.error and part.error.reason for part in found] == [None, "too_large", None]
    assert found[1].body is None


def test_a_document_as_large_as_sqs_takes_is_read_also_in_a_payload() -> None:
    event = Email().send()
    event["padding"] = '"' * ((MAX_BODY - len(json.dumps(event)) - 20) // 2)
    body = json.dumps(event)
    assert MAX_BODY - 20 < len(body) <= MAX_BODY
    payload = json.dumps({"Records": [{"messageId": "1", "body": body}]})
    assert len(payload) > MAX_BODY
    found = read_all(f"{body}\n{payload}\n{json.dumps(body)}".encode())
    assert [(part.body, part.error) for part in found] == [(body, None), (payload, None), (body, None)]


def bodies(raw: bytes) -> list[str | None]:
    return [part.body for part in parts(io.BytesIO(raw).read)]


SIZE = 100_000

#: What is no notification, or looks like the beginning of one again and again.
FILLINGS = {
    "braces": b"{\n",
    "quotes": b'"\n',
    "names": b'{"\n',
    "objects in lists": b'{"a":[\n',
    "objects in objects": b'{"a":\n',
    "strings that end too early": b'{"a":"\n',
    "records of Firehose": b'{"}{"',
    "half records of Firehose": b'}{"a":',
    "escaped quotes": b'{"a":"\\"}{"',
    "lists": b'{"a":[' + b"[" * 80 + b"\n",
    "objects that break far below": b'{"a":\n' * 900 + b"!\n",
    "objects that are too deep": b'{"a":\n' * 900 + b"1" + b"}" * 900 + b"\n",
    "objects that break far behind": b'{"a":[' + b"1," * 2_000 + b"\n",
    "siblings": b'{"a":[{},\n{"b":1},\n',
    "lines": b"x\n",
    "closed and opened": b"}\n{",
    "one string": b'{"a":"x',
    "backslashes": b'{"a":"\\\\',
}


@pytest.mark.parametrize("filling", FILLINGS)
def test_whatever_an_archive_is_full_of_framing_takes_little_time_a_byte(filling) -> None:
    raw = (FILLINGS[filling] * SIZE)[:SIZE]
    assert takes_at_most(20e-6 * SIZE, lambda: list(parts(io.BytesIO(raw).read)))
    assert list(parts(io.BytesIO(raw).read))[-1].end == SIZE


def test_what_only_begins_like_objects_is_one_document_by_itself() -> None:
    good = json.dumps(Email().send())
    found = bodies(("{\n" * 1_000 + good + "\n" + '{"a":[\n' * 1_000 + good + "\n" + good).encode())
    assert found.count(good) == 3
    assert len(found) < 12


@pytest.mark.parametrize("depth", [10, 400])
def test_a_deep_document_is_one_and_what_is_open_around_it_is_not(depth: int) -> None:
    deep = '{"a":' * depth + "1" + "}" * depth
    assert bodies(deep.encode()) == [deep]
    assert bodies(('{"b":[\n' * 700 + deep).encode())[-1] == deep


def test_what_sqs_printed_may_be_as_large_as_its_bodies() -> None:
    printed = json.dumps({"Messages": [{"Body": "\x01" * 300_000}]})
    assert len(printed) > MAX_BODY
    assert bodies(printed.encode()) == [printed]


def test_memory_does_not_grow_with_the_file() -> None:
    """Whatever it holds: here a line without an end, and then documents without a line's end."""
    line, document = b"x" * 1024 * 1024, b'{"eventType": "' + b"x" * 60_000 + b'"}'

    def endless(size: int) -> bytes:
        return next(given, b"")[:size]

    tracemalloc.start()
    try:
        given = itertools.repeat(line[: archive.CHUNK], 500)
        (part,) = parts(endless)
        assert (part.end, part.error and part.error.reason) == (500 * archive.CHUNK, "too_large")
        given = itertools.repeat(document, 2_000)
        assert sum(1 for _ in parts(endless)) == 2_000
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 5 * MAX_QUOTED


def test_a_folder_is_read_in_order_without_hidden_files_and_own_ones(tmp_path, monkeypatch) -> None:
    names = ["2026/11/23/b.gz", "2026/11/23/a", "2026/11/22/z", "2026/11-x", ".hidden", ".cache/x", "c"]
    own = ["archive.rejects.jsonl", "archive.replay-0123abcd.json", "mine"]
    for name in names + own:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("{}")
    monkeypatch.chdir(tmp_path)
    found = find_files([".", "c", "archive.rejects.jsonl"], [tmp_path / "mine"])
    assert [file.name for file in found] == [
        "2026/11-x",
        "2026/11/22/z",
        "2026/11/23/a",
        "2026/11/23/b.gz",
        "c",
        "archive.rejects.jsonl",  # asked for by its name
    ]
