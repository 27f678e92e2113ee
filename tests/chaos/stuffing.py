"""How poison is made: an event, with something at one place of it, or as much of it as the queue takes."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from events import KINDS, Email, Event

#: Bytes; MaximumMessageSize of the events queue in config/template.yaml.
FULL = 1_032_192

#: Stands in an event where something is to be filled in.
MARK = "<mark>"

#: Makes JSON of at most so many bytes.
Inside = Callable[[int], str]


@dataclass(frozen=True)
class Poison:
    """`end`: activity, untracked or expired; any other is the reason with which the message is quarantined."""

    name: str
    make: Callable[[], str]
    end: str


# --- What to fill in ---


def a_string(of: str = "x", most: int = FULL) -> Inside:
    """of: as it stands in JSON, with its escapes."""
    return lambda room: '"' + of * ((min(room, most) - 2) // len(of.encode())) + '"'


def a_list(of: str) -> Inside:
    return lambda room: "[" + ",".join([of] * ((room - 2) // (len(of.encode()) + 1))) + "]"


def an_object(of: str) -> Inside:
    """Each of its names differs from the others."""
    one = len('"000000":,') + len(of)
    return lambda room: "{" + ",".join(f'"{number:06d}":{of}' for number in range((room - 2) // one)) + "}"


def digits(room: int) -> str:
    return "9" * room


def written(text: str) -> Inside:
    return lambda _: text


# --- Where ---


def stuffed(inside: Inside, *paths: str, kind: str = "Delivery", **email: Any) -> Callable[[], str]:
    """An event of a kind; paths from its top, `mail.tags.document_id.0`."""

    def make() -> str:
        event = KINDS[kind](Email(**email))
        for path in paths:
            put(event, path, MARK)
        text = json.dumps(event, ensure_ascii=False)
        return text.replace(json.dumps(MARK), inside((FULL - len(text.encode())) // len(paths)))

    return make


def put(event: Event, path: str, value: object) -> None:
    """Objects on the way that are missing are made."""
    *way, last = path.split(".")
    place: Any = event
    for step in way:
        place = place[int(step)] if isinstance(place, list) else place.setdefault(step, {})
    place[int(last) if isinstance(place, list) else last] = value
