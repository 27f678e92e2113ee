"""What no more event, no order and no other email may change in who opened or clicked."""

from datetime import UTC, datetime

from hypothesis import given
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
    at = datetime.fromtimestamp(SENT + after, UTC)
    event_id = f"{email} {kind} {after} {detail}"
    return Activity(email, event_id, kind, at, "event", at, "raw", 0, destination_count=1, detail=detail)


timelines = st.lists(activities(), min_size=1, max_size=9)


@given(st.data(), timelines)
def test_neither_order_nor_exact_repeats_change_a_verdict(data, timeline):
    shuffled = data.draw(st.permutations([*timeline, *data.draw(st.lists(st.sampled_from(timeline), max_size=4))]))
    assert judge(shuffled) == judge(timeline)


@given(timelines, st.lists(activities(email="m-2"), max_size=9))
def test_another_email_changes_no_verdict_but_by_the_rule_that_looks_at_many(timeline, other):
    """Two emails are not many recipients."""
    alone, together = judge(timeline), judge([*timeline, *other])
    for event_id, found in alone.items():
        assert (together[event_id].class_, together[event_id].reasons) == (found.class_, found.reasons)


@given(timelines, activities(ips=("192.0.2.99",)).filter(lambda each: each.kind in ("Open", "Click")))
def test_an_event_of_another_network_makes_a_machine_of_a_person_only_by_a_burst_of_both(timeline, added):
    before, after = judge(timeline), judge([*timeline, added])
    at = {each.event_id: each.occurred_at for each in timeline}
    for event_id, found in before.items():
        if found.class_ == "person" and after[event_id].class_ == "machine":
            assert added.kind == "Click"
            sweep = {"sweep", "same_link_two", "open_of_sweep", "click_of_sweep"}
            assert after[event_id].reasons[0].id in sweep
            assert abs((added.occurred_at - at[event_id]).total_seconds()) <= 600
