"""That SES reported a kind of event for mail of a configuration set on a day: what tells a reader "not opened" from
"opens are not tracked".

    pk REPORTED#<configuration set>    sk <kind>#<day of the event, UTC>

No fact of an email, so outside claims: it rides in a batch write that has room, and waits for the next one else. No
message is held for it. A process that was told once that it stands does not write it again.
"""

from collections.abc import Collection, Iterable
from datetime import UTC, datetime, timedelta

from email_activity.domain.facts import SCHEMA_VERSION, Item, Key
from email_activity.domain.keys import MAX_KIND_IN_KEY, key_part

#: Keys that a process remembers; it forgets all beyond, and writes them once more.
MAX_REMEMBERED = 10_000

DAY = timedelta(days=1)


class Reported:
    """Shared by the threads of a process. generation: of the table (`table_identity.Space`); another has none of it."""

    def __init__(self, retention: timedelta) -> None:
        self._kept = int((DAY + retention).total_seconds())
        self._known: set[Key] = set()
        self._generation = 0

    def missing(self, facts: Iterable[Item], generation: int) -> list[Item]:
        """Of these facts, what the table is not known to hold."""
        if generation != self._generation:
            self._generation, self._known = generation, set()
        found = {key: item for item in facts if (key := key_of(item)) and key not in self._known}
        return [self._item(key) for key in found]

    def stands(self, keys: Collection[Key], generation: int) -> None:
        if generation != self._generation:
            return
        if len(self._known) + len(keys) > MAX_REMEMBERED:
            self._known = set()
        self._known.update(keys)

    def _item(self, key: Key) -> Item:
        pk, sk = key
        day = datetime.fromisoformat(sk.rpartition("#")[2]).replace(tzinfo=UTC)
        return {"pk": pk, "sk": sk, "expires_at": int(day.timestamp()) + self._kept, "schema_version": SCHEMA_VERSION}


def key_of(item: Item) -> Key | None:
    """None for a fact that tells no configuration set, kind or time."""
    if not ("configuration_set" in item and "occurred_at" in item):
        return None
    kind = key_part(item["kind"][:MAX_KIND_IN_KEY])
    return f"REPORTED#{key_part(item['configuration_set'])}", f"{kind}#{item['occurred_at'][:10]}"
