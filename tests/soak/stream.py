"""Events that keep coming: all kinds, enveloped and raw, with copies and nonsense among them."""

import random
from collections import Counter, deque
from collections.abc import Callable
from typing import Any

from events import KINDS, Email, Event, raw
from harness import Site
from integration.test_whole_path import facts_of

#: Of the messages sent: copies of one sent before, and what nobody can read.
COPIES = 0.05
UNREADABLE = 0.01

#: A dead letter is there twice if a process died, or an answer was lost, between its copying and its delete.
#: Where answers are lost for seconds that may happen to one message again.
MOST_COPIES = 3

#: Of each email.
EVENTS = 3

#: Events of one email come near each other, and copies soon after: emails and bodies that are remembered for that.
RECENT = 50


class Stream:
    """sent: messages. facts: what the table must hold of them. dead: bodies that must become dead letters."""

    def __init__(self, site: Site, rate: float, seed: int) -> None:
        self.sent = 0
        self.facts: dict[tuple[str, str], dict[str, Any]] = {}
        self.dead: set[str] = set()
        self._site = site
        self._rate = rate
        self._chance = random.Random(f"{seed} stream")
        self._due = 0.0
        self._emails: deque[tuple[Email, list[Callable[[Email], Event]]]] = deque(maxlen=RECENT)
        self._bodies: deque[str] = deque(maxlen=RECENT)
        self._number = 0

    def tick(self, elapsed: float) -> None:
        """Sends what has become due; all of it is expected from before it is sent, for a send may be half done."""
        self._due += elapsed * self._rate
        count, self._due = int(self._due), self._due % 1
        enveloped, plain = [], []
        for body in [self._next() for _ in range(count)]:
            # Nonsense goes as it is, for a dead letter is known by its body.
            is_enveloped = body not in self.dead and self._chance.random() < 0.5
            (enveloped if is_enveloped else plain).append(body)
        self._site.publish(enveloped)
        self._site.send(plain)
        self.sent += count

    def differences(self) -> list[str]:
        """Between what is there, when all is done, and what was sent."""
        table, wanted = self._site.items(), self.facts
        found = [f"missing: {key}" for key in wanted.keys() - table.keys()]
        found += [f"nobody sent: {key}" for key in table.keys() - wanted.keys()]
        found += [f"changed: {key}" for key in wanted.keys() & table.keys() if table[key] != wanted[key]]
        letters = Counter(self._site.dead_letters())
        bodies = {body for body, _ in letters}
        found += [f"no dead letter: {body}" for body in self.dead - bodies]
        found += [f"dead letter that nobody expected: {body[:80]}" for body in bodies - self.dead]
        for (body, reason), copies in letters.items():
            if reason != "not_json":
                found.append(f"dead letter with the reason {reason!r}: {body[:80]}")
            if copies > MOST_COPIES:
                found.append(f"dead letter {copies} times: {body[:80]}")
        return found

    def _next(self) -> str:
        luck = self._chance.random()
        if luck < UNREADABLE:
            body = f"no event at all: {self._chance.getrandbits(64):x}"
            self.dead.add(body)
            return body
        if luck < UNREADABLE + COPIES and self._bodies:
            return self._chance.choice(self._bodies)
        event = self._event()
        self.facts |= facts_of(event)
        self._bodies.append(raw(event))
        return self._bodies[-1]

    def _event(self) -> Event:
        """Of each email a kind comes once, for a second time it would be a copy."""
        if not self._emails or self._chance.random() < 1 / EVENTS:
            self._number += 1
            email = Email(to=(f"person{self._number}@example.com",), document_id=f"2026-{self._number}")
            self._emails.append((email, self._chance.sample(list(KINDS.values()), EVENTS)))
        chosen = self._chance.choice(self._emails)
        email, kinds = chosen
        make = kinds.pop()
        if not kinds:
            self._emails.remove(chosen)
        return make(email)
