"""A message of the stub's queues, and its JSON, made once when it is sent and only joined at each receive."""

import hashlib
import itertools
from collections.abc import Sequence
from typing import Any

import msgspec

#: As long as SQS's own receipt handles, which clients sign and send back: 412 characters in all.
HANDLE_START = "AQEB"
HANDLE_REST = ("bmV2ZXIgYSBoYW5kbGUgdGhhdCBTUVMgd291bGQgdGFrZS" * 9)[:392]
HANDLE_LENGTH = 412

#: `Message.due` of a message that may be received now, and of one that was deleted or moved away.
VISIBLE = 0.0
GONE = -1.0

#: What a receive may ask for, as SQS spells it, and its JSON.
SYSTEM_ATTRIBUTES = {
    "SentTimestamp": b'"SentTimestamp":"%d"',
    "ApproximateReceiveCount": b'"ApproximateReceiveCount":"%d"',
    "ApproximateFirstReceiveTimestamp": b'"ApproximateFirstReceiveTimestamp":"%d"',
}

#: Writes nothing for any value.
SWALLOW = b"%.0a"

_numbers = itertools.count(1)


class Message:
    """size: bytes that SQS bills. sent and first: Unix milliseconds. due: when it is visible again, monotonic seconds.

    No dataclass: two hundred thousand of them are made at once.
    """

    __slots__ = ("attributes", "due", "first", "json", "number", "receives", "sent", "size")

    def __init__(self, body: str, sent: int, attributes: bytes | None = None, quoted: bytes | None = None) -> None:
        """attributes: as JSON. quoted: the body as a JSON text, where that is known already."""
        raw = body.encode()
        number = next(_numbers)
        self.number = number
        self.json = b'{"MessageId":"%b","MD5OfBody":"%b","Body":%b' % (
            self.id.encode(),
            hashlib.md5(raw, usedforsecurity=False).hexdigest().encode(),
            quoted if quoted is not None else msgspec.json.encode(body),
        )
        self.size = len(raw) + (len(attributes) if attributes else 0)
        self.sent = sent
        self.attributes = attributes
        self.receives = 0
        self.first = 0
        self.due = VISIBLE

    @property
    def id(self) -> str:
        return f"{self.number >> 32:08x}-5e6d-4a7b-8c9d-{self.number:012x}"

    @property
    def md5(self) -> str:
        return self.json.split(b'"', 8)[7].decode()


def number_of(handle: str) -> int:
    """Raises ValueError for what is no handle."""
    if len(handle) != HANDLE_LENGTH or not handle.startswith(HANDLE_START):
        raise ValueError("The input receipt handle is invalid.")
    return int(handle[4:16], 16)


class Form:
    """What one kind of receive asks for.

    All forms take the same values, and swallow those that were not asked for.
    """

    def __init__(self, system: Sequence[str], own: Sequence[str]) -> None:
        asked = set(SYSTEM_ATTRIBUTES) if "All" in system else set(system) & set(SYSTEM_ATTRIBUTES)
        inside = b""
        for name, text in SYSTEM_ATTRIBUTES.items():
            comma = b"," if inside.replace(SWALLOW, b"") else b""
            inside += comma + text if name in asked else SWALLOW
        attributes = b',"Attributes":{' + inside + b"}" if asked else inside
        handle = HANDLE_START.encode() + b"%012x%04x" + HANDLE_REST.encode()
        self._template = b',"ReceiptHandle":"' + handle + b'"' + attributes + b"%b},"
        self._own = frozenset(own)

    def parts(self, messages: Sequence[Message]) -> list[bytes]:
        """Of the answer's body; joined only once, with its head."""
        template = self._template
        parts = [b'{"Messages":[']
        for each in messages:
            own = b"" if each.attributes is None else self._own_attributes(each.attributes)
            count = each.receives
            parts += (each.json, template % (each.number, count & 0xFFFF, each.sent, count, each.first, own))
        parts[-1] = parts[-1][:-1]  # the comma
        parts.append(b"]}")
        return parts

    def _own_attributes(self, attributes: bytes) -> bytes:
        found: dict[str, Any] = msgspec.json.decode(attributes)
        if not self._own & {"All", ".*"}:
            found = {name: value for name, value in found.items() if name in self._own}
        return b',"MessageAttributes":' + msgspec.json.encode(found) if found else b""
