"""redis-py's parser, with bounds for what a server may answer: one under another's control could fill or hold a worker.

https://valkey.io/topics/protocol/
"""

import re
import time
from typing import Any

import redis
from redis._parsers import _HiredisParser

#: Bytes of one answer. The longest that a worker asks for is a cluster's map of slots: 100 to 200 for each range.
MAX_BYTES = 1024 * 1024

#: Seconds from asking for an answer until its last part is asked for. Without them a server may send a byte before each
#: time-out.
MAX_SECONDS = 5.0

#: The head of an array, map or set of 10,000 elements or more. hiredis makes room for all of them once it has read the
#: head, and takes it away again while it holds the interpreter's lock.
HUGE = re.compile(rb"[*%~>|]\d{5,}")
HEAD_SIZE = 6


class BoundedParser(_HiredisParser):
    """Raises redis-py's errors for what goes beyond the bounds."""

    _reader: Any

    def on_connect(self, connection: Any, **kwargs: Any) -> None:
        super().on_connect(connection, **kwargs)  # type: ignore[no-untyped-call]
        self._reader = _BoundedReader(self._reader)

    def read_response(self, *args: Any, **kwargs: Any) -> Any:
        if self._reader:
            self._reader.expect()
        return super().read_response(*args, **kwargs)

    def handle_push_response(self, *_: Any, **__: Any) -> Any:
        """redis-py would follow one to another host, and recurse for each."""
        raise redis.InvalidResponse("a push, and nothing is subscribed to")


class _BoundedReader:
    """hiredis's, which is fed what the socket brings, and gives an answer once it is whole."""

    def __init__(self, reader: Any) -> None:
        self._feed = reader.feed
        self.gets, self.has_data = reader.gets, reader.has_data
        self._head = b""
        self._room = MAX_BYTES
        self._until = 0.0

    def expect(self) -> None:
        """An answer is asked for."""
        self._room, self._until = MAX_BYTES, time.monotonic() + MAX_SECONDS

    def feed(self, buffer: bytearray, offset: int, size: int) -> None:
        text = self._head + buffer[offset : offset + size]
        self._head = text[-HEAD_SIZE:]
        self._room -= size
        if self._room < 0 or HUGE.search(text):
            raise redis.InvalidResponse("an answer that is too large")
        if time.monotonic() > self._until:
            raise redis.TimeoutError("an answer that comes too slowly")
        self._feed(buffer, offset, size)
