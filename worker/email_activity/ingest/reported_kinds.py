"""Records which kinds of event SES reported for a configuration set on which day, so that readers can tell "not
opened" from "opens are not tracked".

    pk REPORTED#<configuration set>    sk <kind>#<day of the event, UTC>

No fact of an email, so it is not claimed and holds no message: it is written where a batch write has room for it. What
DynamoDB took once a process does not write again.
"""

from collections.abc import Collection, Iterable
from datetime import UTC, datetime, timedelta

from email_activity.domain.facts import SCHEMA_VERSION, Item, Key
from email_activity.domain.keys import MAX_KIND_IN_KEY, key_part, reported_key

#: Keys that a process remembers; beyond them it forgets all, and writes them once more.
MAX_REMEMBERED = 10_000


class ReportedKinds:
    """Shared by the threads of a process.

    generation: of the table (`table_identity.py`). When it changes, all is forgotten: a new table has no such item.
    """

    def __init__(self, retention: timedelta) -> None:
        self._expires_after = int((timedelta(days=1) + retention).total_seconds())
        self._stored: set[Key] = set()
        self._generation = 0

    def missing(self, facts: Iterable[Item], generation: int) -> list[Item]:
        """The items that follow from these facts and are not known to be in the table."""
        if generation != self._generation:
            self._generation, self._stored = generation, set()
        keys = dict.fromkeys(key for item in facts if (key := _reported_key(item)) and key not in self._stored)
        return [self._item(*key) for key in keys]

    def record_stored(self, keys: Collection[Key], generation: int) -> None:
        if generation == self._generation:
            if len(self._stored) + len(keys) > MAX_REMEMBERED:
                self._stored = set()
            self._stored.update(keys)

    def _item(self, pk: str, sk: str) -> Item:
        day = datetime.fromisoformat(sk.rpartition("#")[2]).replace(tzinfo=UTC)
        expires_at = int(day.timestamp()) + self._expires_after
        return {"pk": pk, "sk": sk, "expires_at": expires_at, "schema_version": SCHEMA_VERSION}


def _reported_key(item: Item) -> Key | None:
    """None for a fact that tells no configuration set, kind or time."""
    if not ("configuration_set" in item and "occurred_at" in item):
        return None
    kind = key_part(item["kind"][:MAX_KIND_IN_KEY])
    return reported_key(item["configuration_set"]), f"{kind}#{item['occurred_at'][:10]}"
