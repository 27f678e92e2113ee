"""Archived notifications, one after another, in whatever way they were written down. Told by content, not by name:

    JSON lines      one body a line
    JSON            one document, pretty-printed or not, or several, also without anything between (Firehose: `}{`)
    JSON array      of bodies; each may be a JSON string that holds the body
    messages        as `aws sqs receive-message` prints them, with their bodies in them
    gzip            of any of these

Every byte is part of a document, of something that cannot be one, or blank: nothing is passed over unseen. Where
a document begins depends on nothing before it, so reading may start again at the end of any part.
"""

import gzip
import json
import re
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from io import BufferedReader

from email_activity.domain.errors import PermanentError
from email_activity.replay.json_size import NO_VALUE, measure

#: Bytes: the largest body that SQS takes.
#: https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/quotas-messages.html
MAX_BODY = 1024 * 1024

#: Bytes of a body that is quoted in a record or a string, where one byte may have become six (`\u0000`); and the
#: bound of what is held in memory.
MAX_QUOTED = 8 * 1024 * 1024

#: Bytes of one read.
CHUNK = 256 * 1024

#: Bytes that are looked at first for the end of a document; then this times as many, and again, up to the bound. Most
#: documents are shorter. What is no JSON is mostly seen at its beginning, and Python counts the lines before an error.
FIRST_LOOK = 4 * 1024
FARTHER = 8

GZIP_MAGIC = b"\x1f\x8b"

#: What may stand between documents. UTF-8's byte order mark begins each of several files made into one.
BLANK = re.compile(r"(?:[ \t\r\n,\[\]]|\xef\xbb\xbf)*")
BYTE_ORDER_MARK_SIZE = 3

AFTER_A_STRING = " \t\r\n,]"

QUOTED = re.compile(r'"|\{\s*"(?:Records|Messages|MessageId|ReceiptHandle)"')

BRACE = re.compile(r"[ \t]*\{")

#: Where reading goes on after what is no JSON: at a line that starts at its margin or with a brace (the other lines
#: are inside of a pretty-printed document), or where Firehose put two records back to back.
NEXT = re.compile(r'\n(?![ \t\r\n}\]])|\n(?=[ \t]*\{)|(?<=\})(?=\{")')

#: Reads at most so many bytes; none at the end.
Read = Callable[[int], bytes]


class TooLargeError(PermanentError):
    """More than SQS takes, so this was never one notification. Look at what wrote the archive."""

    reason = "too_large"


class NotUtf8Error(PermanentError):
    """Bytes that are no UTF-8 text. Look at what wrote the archive."""

    reason = "not_utf8"


class DamagedError(PermanentError):
    """The compressed file ends too early or is not what its checksum says. Get it again from where it came."""

    reason = "damaged"


@dataclass(frozen=True, slots=True)
class Part:
    """A document, or what stands where one should be. Positions count bytes, after gzip; reading may start at `end`.

    body: as SQS would hold it; None if it is too large to be kept, or was lost.
    """

    start: int
    end: int
    body: str | None
    error: PermanentError | None = None


def unpacked(file: BufferedReader, position: int = 0) -> Read:
    """The text of a file that may be compressed, from a position on. file: at its beginning."""
    is_gzip = file.peek(len(GZIP_MAGIC)).startswith(GZIP_MAGIC)
    text = gzip.GzipFile(fileobj=file) if is_gzip else file
    if position:
        text.seek(position)
    # One read at a time: of a file that is cut off, what was readable is not lost with what was not.
    return text.read1


def parts(read: Read, position: int = 0) -> Iterator[Part]:
    """Everything that `read` gives, whose first byte stands at `position`. Raises nothing but what `read` does,
    and not what a damaged gzip file makes it raise.
    """
    window = _Window(read, position)
    while window.find_next():
        yield _next_part(window)
    if window.damage:
        yield Part(window.position, window.position, None, DamagedError(window.damage))


class _Window:
    """What was read and is not yet framed, from `start` on. In Latin-1, where a character is a byte."""

    def __init__(self, read: Read, position: int) -> None:
        self._read = read
        self.position = position
        self.text = ""
        self.start = 0
        self.is_last = False
        self.damage = ""
        self.hopeless: set[int] = set()  # positions of the text read, at which no document begins

    @property
    def size(self) -> int:
        return len(self.text) - self.start

    def take(self, size: int) -> str:
        taken = self.text[self.start : self.start + size]
        self.start += size
        self.position += size
        return taken

    def fill(self, size: int) -> None:
        """So many characters, unless the end comes before."""
        if self.is_last or self.size >= size:
            return
        pieces, have = [self.text[self.start :]], self.size
        while have < size and not self.is_last:
            try:
                piece = self._read(CHUNK)
            except (EOFError, gzip.BadGzipFile, zlib.error) as error:
                self.damage, piece = type(error).__name__, b""
            self.is_last = not piece
            pieces.append(piece.decode("latin-1"))
            have += len(piece)
        self.text, self.start = "".join(pieces), 0

    def find_next(self) -> bool:
        """Passes over blanks; False if nothing follows them."""
        while True:
            blank = BLANK.match(self.text, self.start)
            self.take(blank.end() - self.start if blank else 0)
            if self.is_last or self.size >= BYTE_ORDER_MARK_SIZE:
                return self.size > 0
            self.fill(BYTE_ORDER_MARK_SIZE)


def _next_part(window: _Window) -> Part:
    start = window.position
    size = _size_of_json(window)
    is_string = bool(size) and window.text[window.start] == '"'
    size = size or _size_of_text(window)
    if not size:
        _pass_line(window)
        return Part(start, window.position, None, TooLargeError(f"{window.position - start} bytes"))
    taken = window.take(size)
    if size > (MAX_QUOTED if QUOTED.match(taken) else MAX_BODY):
        return Part(start, window.position, None, TooLargeError(f"{size} bytes"))
    raw = taken.encode("latin-1").strip()
    try:
        text = raw.decode()
    except UnicodeDecodeError:
        return Part(start, window.position, raw.decode(errors="surrogateescape"), NotUtf8Error())
    return Part(start, window.position, json.loads(text) if is_string else text)


def _size_of_json(window: _Window) -> int:
    """Of the object or string that stands here; 0 if none does. Broken and unfinished look alike near the end of what
    is looked at, so more is looked at until they do not, or the end or the bound is in sight.
    """
    begins = window.text[window.start] in '{"' and not NO_VALUE.match(window.text, window.start)
    if not begins or window.position in window.hopeless:
        return 0
    size = FIRST_LOOK
    while True:
        size = min(size, MAX_QUOTED + 1)
        window.fill(size)
        text = window.text[window.start : window.start + size]
        json_size = measure(text)
        if json_size.size:
            return json_size.size if json_size.size <= MAX_QUOTED and _ends_here(window, json_size.size) else 0
        if json_size.is_sure or len(text) < size or size > MAX_QUOTED:
            if len(json_size.hopeless) > 1:
                window.hopeless = {window.position + place for place in json_size.hopeless}
            return 0
        size *= FARTHER


def _ends_here(window: _Window, size: int) -> bool:
    """Whether a string is a body and not a member's name, left over from a broken document."""
    if window.text[window.start] == "{":
        return True
    window.fill(size + 1)
    end = window.start + size
    following = window.text[end : end + 1]
    return following in AFTER_A_STRING if following else window.is_last


def _size_of_text(window: _Window) -> int:
    """Of what stands here and is no JSON; 0 if it goes on beyond the bound. What begins like an object there and can be
    none goes with it, up to the size of a body: else a megabyte of braces would be half a million documents.
    """
    window.fill(MAX_QUOTED + 1)
    beginning = NEXT.search(window.text, window.start + 1, window.start + MAX_QUOTED)
    while beginning and beginning.end() - window.start < MAX_BODY and _is_no_object(window, beginning.end()):
        beginning = NEXT.search(window.text, beginning.end() + 1, window.start + MAX_QUOTED)
    if beginning:
        return beginning.end() - window.start
    return window.size if window.size <= MAX_QUOTED else 0


def _is_no_object(window: _Window, place: int) -> bool:
    brace = BRACE.match(window.text, place)
    if not brace:
        return False
    at = brace.end() - 1
    return bool(NO_VALUE.match(window.text, at)) or window.position + at - window.start in window.hopeless


def _pass_line(window: _Window) -> None:
    while True:
        before, newline, _ = window.text[window.start :].partition("\n")
        window.take(len(before) + len(newline))
        if newline or window.is_last:
            return
        window.fill(CHUNK)
