"""Any order, any repetition and any split over workers give the same table and the same statuses."""

import json
from dataclasses import replace

from events import Event
from hypothesis import given
from hypothesis import strategies as st
from reading import EVERYTHING, content_of, fold, items_of
from strategies import CopyOf, copies, mangled, stories

from worker.activity.status import DELIVERY, EmailStatus, status
from worker.facts import Item, read_fact
from worker.ingest.normalize import Rules

arrivals = stories().flatmap(lambda story: st.lists(st.tuples(st.sampled_from(story), copies), min_size=1, max_size=8))


def bodies_of(arrived: list[tuple[Event, CopyOf]]) -> list[str]:
    return [copy.body(event) for event, copy in arrived]


def comparable(folded: EmailStatus) -> EmailStatus:
    """Without how and when the copies came."""
    timeline = tuple(
        replace(entry, activity=replace(entry.activity, recorded_at=None, form="", transport_id=None, expires_at=0))
        for entry in folded.timeline
    )
    return replace(folded, timeline=timeline)


def delivery_of(folded: EmailStatus) -> dict[str | None, int]:
    return {each.recipient: DELIVERY.index(each.delivery.state) for each in folded.recipients}


@given(arrivals, st.data())
def test_any_order_and_any_repetition_give_the_same_table_and_the_same_status(arrived, data):
    bodies = bodies_of(arrived)
    again = data.draw(st.permutations(bodies + data.draw(st.lists(st.sampled_from(bodies), max_size=4))))
    for rules in (Rules(retention=EVERYTHING.retention), EVERYTHING):
        here, there = items_of(bodies, rules), items_of(again, rules)
        assert content_of(here) == content_of(there)
        if here:
            assert comparable(fold(here.values())) == comparable(fold(there.values()))


@given(arrivals, st.data())
def test_any_split_over_workers_gives_the_same_table_and_the_same_status(arrived, data):
    bodies = bodies_of(arrived)
    worker_of = data.draw(st.lists(st.integers(0, 2), min_size=len(bodies), max_size=len(bodies)))
    table: dict[tuple[str, str], Item] = {}
    for worker in data.draw(st.permutations(range(3))):
        table |= items_of([body for body, its in zip(bodies, worker_of, strict=True) if its == worker], EVERYTHING)
    whole = items_of(bodies, EVERYTHING)
    assert content_of(table) == content_of(whole)
    assert comparable(fold(table.values())) == comparable(fold(whole.values()))


@given(arrivals, st.data())
def test_the_fold_does_not_ask_in_which_order_facts_are_read(arrived, data):
    items = list(items_of(bodies_of(arrived), EVERYTHING).values())
    shuffled = data.draw(st.permutations(items + items[:2]))
    assert fold(shuffled) == fold(items)


@given(arrivals, st.data())
def test_one_more_fact_never_lowers_delivery(arrived, data):
    for rules in (Rules(retention=EVERYTHING.retention), EVERYTHING):
        items = list(items_of(bodies_of(arrived), rules).values())
        facts = [read_fact(item) for item in data.draw(st.permutations(items))]
        before: dict[str | None, int] = {}
        for count in range(1, len(facts) + 1):
            after = delivery_of(status(facts[0].email_id, facts[:count]))
            assert not [each for each in before.keys() & after.keys() if after[each] < before[each]]
            before = after


@given(arrivals)
def test_every_event_of_a_story_shows_once(arrived):
    items = items_of(bodies_of(arrived), EVERYTHING)
    events = {item["event_id"] for item in items.values() if item["sk"].startswith("EVENT#")}
    shown = [entry.activity.event_id for entry in fold(items.values()).timeline]
    assert sorted(shown) == sorted(events)


@given(arrivals)
def test_every_destination_has_a_status(arrived):
    items = items_of(bodies_of(arrived), EVERYTHING)
    destinations = {item["mail_recipient"] for item in items.values() if item["sk"].startswith("RECIPIENT#")}
    recipients = [each.recipient for each in fold(items.values()).recipients]
    assert destinations <= set(recipients)
    assert len(recipients) == len(set(recipients))


@given(mangled(), mangled(), st.booleans())
def test_events_gone_wrong_fold_in_any_order_too(one, other, turned):
    items = items_of(map(json.dumps, (one, other)), EVERYTHING)
    if items:
        email = next(iter(items.values()))["pk"]  # what went wrong may be the id, and then they are two
        ordered = [item for item in items.values() if item["pk"] == email]
        assert fold(ordered) == fold(reversed(ordered) if turned else ordered)
