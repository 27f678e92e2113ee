"""What of an email's items goes once a person is forgotten, and what stays. Pure; for the table, and for what comes.

    the email went to that person only    all of it goes
    it went to others too                 the person's events and recipient facts go, with the extras of these
      an event that names nobody          loses ip, and agent unless a machine's or a proxy's; its extra goes
      any other item                      loses the address wherever a text has it, in whatever spelling
    it only mentions the person           the same, of the texts

An item that changes gets a key of its own: the old one is made from what goes, so it would let that be guessed.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from email_activity.activity.engagement import judge
from email_activity.domain.addresses import normalize_address
from email_activity.domain.facts import Activity, Item, Key, key_of, read_fact
from email_activity.domain.keys import NOT_CONTENT, canonical_json, content_hash, digest, sent_at_of, undo_key_part
from email_activity.domain.mentions import IsPerson, names, without

#: Facts whose sort key ends with the hash of their content.
HASHED = frozenset({"EVENT", "EXTRA", "RECIPIENT"})

#: Of an event that names nobody: where whoever opened or clicked was, and with what.
CLIENT_FIELDS = ("ip_address", "user_agent")

#: In a sender that is a link, or a return path that holds its recipient.
NO_ADDRESS = frozenset("=?/")

#: Of an event's detail: what its id is a hash of (`EventObject.particulars`).
IN_ID = ("ip_address", "user_agent", "link", "delay_type", "new_topic_preferences", "old_topic_preferences")


def kind_of_fact(item: Item) -> str:
    """`EVENT`, `EXTRA`, `RECIPIENT`, `ASSIGN`."""
    return str(item["sk"]).partition("#")[0]


def recipient_of(item: Item) -> str | None:
    """Whom a recipient fact or an event is about, normalized; None if nobody."""
    address = item.get("recipient")
    if kind_of_fact(item) == "RECIPIENT":
        address = address or undo_key_part(str(item.get("mail_recipient", "")))
    return normalize_address(str(address)) if address else None


@dataclass(slots=True)
class Erasure:
    """Of one email. Every item is added first, then each is asked for what remains of it, events before their extras,
    which take over an event's new id.

    destinations: to whom the email went, where that is known from elsewhere than recipient facts.
    """

    is_person: IsPerson
    destinations: Iterable[str] = ()
    #: Whether any item names the person; False if they are only mentioned.
    is_recipient: bool = False
    #: When the email was sent, None if no item tells.
    sent_at: datetime | None = None
    _has_other_destination: bool = False
    _has_other_recipient: bool = False
    _destination_count: int = 0
    #: Ids of events: the person's, and those that lose whose they were.
    _own_events: set[str] = field(default_factory=set)
    _anonymous_events: set[str] = field(default_factory=set)
    #: Ids of events that named the person in what their id is made of, and their new ones.
    _new_ids: dict[str, str] = field(default_factory=dict)
    #: Addresses of others: to whom it went, who is named, who sent it.
    _others: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        for address in self.destinations:
            self._add_destination(address)

    def _add_destination(self, address: str) -> None:
        if self.is_person(address):
            self.is_recipient = True
        else:
            self._has_other_destination = True
            self._others.add(address)

    def add(self, item: Item) -> None:
        kind, recipient = kind_of_fact(item), recipient_of(item)
        sender = normalize_address(str(item.get("sender", "")))
        known = {recipient or "", sender if NO_ADDRESS.isdisjoint(sender) else ""}
        self._others |= {each for each in known if each and not self.is_person(each)}
        if kind == "RECIPIENT" and recipient:
            self._add_destination(recipient)
            sent_at = sent_at_of(item)
            self.sent_at = min(sent_at, self.sent_at or sent_at) if sent_at else self.sent_at
        elif kind == "EVENT":
            self._destination_count = max(self._destination_count, _count(item))
            if not recipient:
                self._anonymous_events |= {str(item.get("event_id"))} if _client_fields(item) else set()
            elif self.is_person(recipient):
                self.is_recipient = True
                self._own_events.add(str(item.get("event_id")))
            else:
                self._has_other_recipient = True

    @property
    def takes_all(self) -> bool:
        """Nobody else got the email. A bounce of a sole recipient's mail may name a forward: that is nobody else."""
        has_others = self._has_other_destination or (self._has_other_recipient and self._destination_count != 1)
        return self.is_recipient and not has_others

    def is_own(self, item: Item) -> bool:
        """It is about the person, or about an event of theirs."""
        recipient = recipient_of(item)
        is_of_their_event = kind_of_fact(item) == "EXTRA" and item.get("event_id") in self._own_events
        return self.takes_all or is_of_their_event or bool(recipient and self.is_person(recipient))

    def remains_of(self, item: Item) -> Item | None:
        """None: it goes. The item itself: nothing of it does."""
        if self.takes_all:
            return None
        is_gone_extra = (
            kind_of_fact(item) == "EXTRA" and self.is_recipient and item.get("event_id") in self._anonymous_events
        )
        if is_gone_extra or self.is_own(item):
            return None
        changed = self.without_mentions(item)
        if self.is_recipient and kind_of_fact(item) == "EVENT" and not recipient_of(item):
            changed = without_client(changed)
        return item if changed is item else _rekeyed(changed)

    def without_mentions(self, item: Item) -> Item:
        """Without what names the person; the item itself where nothing does.

        An event's id may be a hash of such a text, as of the link: then it gets another.
        """
        identity, changed = str(item.get("event_id")), item
        if names(item, self.is_person):
            changed = without(item, self.is_person, self._others)
            if kind_of_fact(item) == "EVENT" and _in_id(changed) != _in_id(item):
                self._new_ids[identity] = digest("erased", changed["pk"], str(item.get("kind")), *_in_id(changed))
        if identity in self._new_ids:
            return _with_id(changed, self._new_ids[identity])
        return item if changed == item else changed


def changes(items: Iterable[Item], is_person: IsPerson, destinations: Iterable[str] = ()) -> dict[Key, Item | None]:
    """By key, what becomes of those items of one email that do not stay as they are; None: it goes."""
    items = list(items)
    erasure = Erasure(is_person, destinations)
    for item in items:
        erasure.add(item)
    remaining = {key_of(item): (item, erasure.remains_of(item)) for item in items}
    return {key: after for key, (before, after) in remaining.items() if after is not before}


def names_person(item: Item, is_person: IsPerson) -> bool:
    """In any of its texts, its key included."""
    recipient = recipient_of(item)
    return bool(recipient and is_person(recipient)) or names(item, is_person)


def _count(item: Item) -> int:
    count = item.get("destination_count", 0)
    return int(count) if isinstance(count, int | float) else 0


def _client_fields(item: Item) -> list[str]:
    """The names of what tells something of whoever opened or clicked. A machine's agent is nobody's."""
    detail = item.get("detail")
    if not isinstance(detail, Mapping):
        return []
    told = [name for name in CLIENT_FIELDS if name in detail]
    return [name for name in told if name != "user_agent"] if _is_no_persons(item) else told


def _is_no_persons(item: Item) -> bool:
    """Judged by the event alone."""
    event = read_fact(item)
    judged = judge([event]).values() if isinstance(event, Activity) else ()
    return any(each.class_ in ("machine", "proxy") for each in judged)


def without_client(item: Item) -> Item:
    """Its id is a hash of ip and agent too, so it gets another: equal for all copies of the event, unless two people
    opened within one microsecond.
    """
    gone = _client_fields(item)
    if not gone:
        return item
    detail = {name: value for name, value in item["detail"].items() if name not in gone}
    identity = digest("erased", item["pk"], str(item.get("kind")), str(item.get("occurred_at")), canonical_json(detail))
    return _with_id({**item, "detail": detail}, identity)


def _in_id(item: Item) -> list[str]:
    detail = item.get("detail")
    named = detail if isinstance(detail, Mapping) else {}
    return [str(item.get("occurred_at")), *(canonical_json(named.get(name)) for name in IN_ID)]


def _with_id(item: Item, identity: str) -> Item:
    return {**item, "event_id": identity, "sk": str(item["sk"]).replace(str(item.get("event_id")), identity)}


def _rekeyed(item: Item) -> Item:
    if kind_of_fact(item) not in HASHED:
        return item
    content = {name: value for name, value in item.items() if name not in NOT_CONTENT}
    return {**item, "sk": f"{str(item['sk']).rpartition('#')[0]}#{content_hash(content)}"}
