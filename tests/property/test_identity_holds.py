"""One event is one identity, however many copies come and however each is spelled."""

from hypothesis import given
from hypothesis import strategies as st

from events import FORMS, raw
from reading import EVERYTHING, content_of, items_of, read_one, status_of
from strategies import copies, emails, happenings, mangled, spell_time

one_event = emails().flatmap(happenings)


def event_ids(body: str) -> list[str]:
    return [each.event_id for each in read_one(body, EVERYTHING).activities]


@given(one_event, copies)
def test_every_copy_of_an_event_has_its_identity(event, copy):
    assert event_ids(copy.body(event)) == event_ids(raw(event))


@given(one_event, st.lists(copies, min_size=1, max_size=5))
def test_however_many_copies_come_it_is_one_event(event, ways):
    bodies = [way.body(event) for way in ways]
    expected = set(event_ids(raw(event)))
    timeline = status_of(bodies, EVERYTHING).timeline
    assert {entry.activity.event_id for entry in timeline} == expected
    assert len(timeline) == len(expected)


@given(one_event, st.sampled_from(list(FORMS)), st.integers(0, 5))
def test_copies_of_one_content_are_one_item(event, form, spelling):
    """Time spellings and envelopes change nothing of it."""
    other = {name: with_times_spelled(value, spelling) for name, value in event.items()}
    assert content_of(items_of([FORMS[form](other)], EVERYTHING)) == content_of(items_of([raw(event)], EVERYTHING))


def with_times_spelled(value: object, spelling: int) -> object:
    if isinstance(value, dict) and "timestamp" in value:
        return value | {"timestamp": spell_time(value["timestamp"], spelling)}
    return value


@given(mangled(), st.sampled_from(list(FORMS)))
def test_an_event_gone_wrong_is_the_same_in_every_form_too(event, form):
    if isinstance(event.get("eventType"), str) and event["eventType"].strip():
        assert content_of(items_of([FORMS[form](event)], EVERYTHING)) == content_of(items_of([raw(event)], EVERYTHING))


@given(one_event, one_event)
def test_events_of_different_kinds_never_share_an_identity(one, other):
    if one["eventType"] != other["eventType"]:
        assert not set(event_ids(raw(one))) & set(event_ids(raw(other)))
