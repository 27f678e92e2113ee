"""`email-activity export`: all that is stored of a person, and nothing of others, item by item.

An email to several is theirs too. So of its items the person gets their own, and of events that name nobody what tells
nothing of whoever it was; of an item that only mentions them, where it does.
"""

from collections.abc import Callable, Iterator
from typing import Any

from email_activity.activity.erasure import Erasure, kind_of_fact, names_person, recipient_of, without_client
from email_activity.domain.addresses import normalize_address
from email_activity.domain.facts import Item
from email_activity.domain.keys import EMAIL, email_id_of, email_key
from email_activity.domain.mentions import names
from email_activity.erasure.table import PersonalTable

#: What the kinds of item are called, by the beginning of their sort keys.
FACTS = {"EVENT": "activity", "EXTRA": "extra", "RECIPIENT": "recipient", "ASSIGN": "assignment"}

#: What an item that only mentions the person is known by.
OF_THE_EVENT = ("event_id", "kind", "occurred_at", "expires_at")


class Export:
    """address: in any spelling. report: told after each item that was read."""

    def __init__(self, table: PersonalTable, address: str, report: Callable[[], None] = lambda: None) -> None:
        self._table = table
        self._address = normalize_address(address)
        self._report = report

    def items(self, *, scans: bool) -> Iterator[dict[str, Any]]:
        """Of each email together. Remembers the ids of the emails, and nothing else. Raises what botocore raises."""
        seen: set[str] = set()
        for pk in self._emails(scans=scans):
            if pk not in seen:
                seen.add(pk)
                yield from self._of_email(pk)

    def _is_person(self, address: str) -> bool:
        return address == self._address

    def _emails(self, *, scans: bool) -> Iterator[str]:
        for hit in self._table.hits(self._address):
            yield email_key(hit.email_id)
        for item in self._table.scan() if scans else ():
            self._report()
            if item["pk"].startswith(EMAIL) and names_person(item, self._is_person):
                yield item["pk"]

    def _of_email(self, pk: str) -> Iterator[dict[str, Any]]:
        erasure = Erasure(self._is_person)
        for item in self._table.partition(pk):
            erasure.add(item)
        for item in self._table.partition(pk):
            self._report()
            if told := self._told(item, erasure):
                yield told

    def _told(self, item: Item, erasure: Erasure) -> dict[str, Any] | None:
        if erasure.is_own(item):
            return _plain(item)
        if erasure.is_recipient and recipient_of(item) is None and kind_of_fact(item) != "EXTRA":
            return _plain(without_client(item))
        left = erasure.without_mentions(item)
        where = [name for name, value in item.items() if left[name] != value and names(value, self._is_person)]
        if where:
            known = {name: item[name] for name in OF_THE_EVENT if name in item}
            return {"email_id": email_id_of(item), "fact": _fact(item), **known, "mentioned_in": where}
        return None


def _plain(item: Item) -> dict[str, Any]:
    """Keys say nothing that other attributes do not."""
    others = {name: value for name, value in item.items() if name not in ("pk", "sk")}
    return {"email_id": email_id_of(item), "fact": _fact(item), **others}


def _fact(item: Item) -> str:
    return FACTS.get(kind_of_fact(item), kind_of_fact(item))
