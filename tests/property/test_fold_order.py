"""Any order, any repetition and any split over workers give the same table and the same statuses."""

import json
from collections.abc import Iterator
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from email_activity.activity.states import DELIVERY, FAILED
from email_activity.activity.status import EmailStatus, status
from email_activity.domain.facts import Item, read_fact
from email_activity.ses.tracking_policy import TrackingPolicy
from events import Event
from reading import EVERYTHING, content_of, fold, items_of
from strategies import CopyOf, copies, mangled, stories

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


def reported_of(folded: EmailStatus) -> dict[str | None, int]:
    """The highest that was reported of each recipient's own address: without what is derived from it, `arrived` and
    a bounce elsewhere, which a later fact may withdraw."""
    floors: dict[str | None, int] = {}
    for each in folded.recipients:
        reported = [state for state in each.delivery.seen if state != "arrived"]
        own = [state for state in reported if not (each.bounced_at and state in FAILED)]
        floors[each.recipient] = max(map(DELIVERY.index, own), default=0)
    return floors


@given(arrivals, st.data())
def test_any_order_and_any_repetition_give_the_same_table_and_the_same_status(arrived, data):
    bodies = bodies_of(arrived)
    again = data.draw(st.permutations(bodies + data.draw(st.lists(st.sampled_from(bodies), max_size=4))))
    for policy in (TrackingPolicy(retention=EVERYTHING.retention), EVERYTHING):
        here, there = items_of(bodies, policy), items_of(again, policy)
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
def test_one_more_fact_never_lowers_the_delivery_that_was_reported(arrived, data):
    for policy in (TrackingPolicy(retention=EVERYTHING.retention), EVERYTHING):
        before: dict[str | None, int] = {}
        for folded in one_by_one(arrived, policy, data):
            after = delivery_of(folded)
            assert not [each for each in before.keys() & after.keys() if after[each] < before[each]]
            before = reported_of(folded)


@given(arrivals, st.data())
def test_a_delivery_is_what_was_reported_unless_it_says_what_it_is_derived_from(arrived, data):
    for folded in one_by_one(arrived, EVERYTHING, data):
        for each in folded.recipients:
            reported = DELIVERY[reported_of(folded)[each.recipient]]
            derived = (each.delivery.state == "arrived" and each.arrived_from) or each.bounced_at
            assert each.delivery.state == reported or derived


@given(arrivals, st.data())
def test_one_more_fact_never_takes_a_complaint_back(arrived, data):
    before: set[str | None] = set()
    for folded in one_by_one(arrived, EVERYTHING, data):
        everybody = [*folded.recipients, *([folded.shared] if folded.shared else [])]
        # Without a recipient fact a complaint is of whoever it names; with one, of the sole destination.
        after = {each.recipient for each in everybody if each.consent.state == "complained"}
        assert before & {each.recipient for each in everybody} <= after
        before = after


def one_by_one(
    arrived: list[tuple[Event, CopyOf]], policy: TrackingPolicy, data: st.DataObject
) -> Iterator[EmailStatus]:
    """The status after each further fact, in any order."""
    items = list(items_of(bodies_of(arrived), policy).values())
    facts = [fact for item in data.draw(st.permutations(items)) if (fact := read_fact(item))]
    for count in range(1, len(facts) + 1):
        yield status(facts[0].email_id, facts[:count])


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
