"""What no more event, no order and no other email may change in who opened or clicked."""

from dataclasses import replace
from datetime import UTC, datetime

from hypothesis import example, given
from hypothesis import strategies as st

from email_activity.activity.engagement import judge
from email_activity.domain.facts import Activity
from events import APPLE_PREFETCH, BROWSER, GMAIL_PROXY

SENT = datetime(2026, 11, 2, 8, 30, tzinfo=UTC).timestamp()

WINDOWS = BROWSER.replace("X11; Linux x86_64", "Windows NT 10.0")
agents = st.sampled_from([BROWSER, WINDOWS, APPLE_PREFETCH, GMAIL_PROXY])
seconds = st.sampled_from([-1.0, 1.0, 1.4, 2.0, 30.0, 30.2, 31.0, 60.0, 700.0, 3600.0, 3600.3])


@st.composite
def activities(draw, email="m-1", ips=("203.0.113.7", "198.51.100.9", "40.107.1.2")):
    kind = draw(st.sampled_from(["Open", "Click", "Delivery", "Send"]))
    after = draw(seconds)
    detail = {
        "ip_address": draw(st.sampled_from(ips)),
        "user_agent": draw(agents),
        "link": draw(st.sampled_from("abc")),
    }
    return made(email, kind, after, detail)


def made(email, kind, after, detail):
    at = datetime.fromtimestamp(SENT + after, UTC)
    event_id = f"{email} {kind} {after} {detail}"
    return Activity(email, event_id, kind, at, "event", at, "raw", 0, destination_count=1, detail=detail)


timelines = st.lists(activities(), min_size=1, max_size=9)


@given(st.data(), timelines)
def test_neither_order_nor_exact_repeats_change_a_verdict(data, timeline):
    shuffled = data.draw(st.permutations([*timeline, *data.draw(st.lists(st.sampled_from(timeline), max_size=4))]))
    assert judge(shuffled) == judge(timeline)


@given(timelines, st.none() | st.lists(activities(email="m-2"), max_size=9))
def test_another_email_changes_no_verdict_but_by_the_rule_that_looks_at_many(timeline, other):
    """Two emails are not many recipients, even if the other one's events are the same."""
    if other is None:
        other = [replace(each, email_id="m-2", event_id=f"m-2 {each.event_id}") for each in timeline]
    alone, together = judge(timeline), judge([*timeline, *other])
    for event_id, found in alone.items():
        assert (together[event_id].class_, together[event_id].reasons) == (found.class_, found.reasons)


#: Somebody who came back.
PERSON = [
    made("m-1", kind, after, {"ip_address": "203.0.113.7", "user_agent": BROWSER, "link": "a"})
    for kind, after in (("Delivery", 1.0), ("Click", 30.0), ("Open", 60.0), ("Click", 700.0))
]


def stranger(after, link, ip="192.0.2.99"):
    return made("m-1", "Click", after, {"ip_address": ip, "user_agent": WINDOWS, "link": link})


@example(PERSON, stranger(33.0, "a"))
@example([*PERSON, stranger(720.0, "b", "198.51.100.9")], stranger(720.2, "c"))
@given(
    timelines.map(lambda timeline: [*PERSON, *timeline]),
    activities(ips=("192.0.2.99",)).filter(lambda each: each.kind in ("Open", "Click")),
)
def test_an_event_of_another_network_makes_a_machine_of_a_person_only_by_a_burst_of_both(timeline, added):
    before, after = judge(timeline), judge([*timeline, added])
    of = {each.event_id: each for each in timeline}
    swept = {of[each].detail["ip_address"] for each in of.keys() & after if after[each].reasons[0].id == "sweep"}
    for event_id, found in before.items():
        if found.class_ == "person" and after[event_id].class_ == "machine":
            assert added.kind == "Click"
            sweep = {"sweep", "same_link_two", "open_of_sweep", "click_of_sweep"}
            assert after[event_id].reasons[0].id in sweep
            assert abs((added.occurred_at - of[event_id].occurred_at).total_seconds()) <= 600
            if after[event_id].reasons[0].id.endswith("_of_sweep"):
                assert of[event_id].detail["ip_address"] in swept
