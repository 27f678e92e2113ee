"""Who opened or clicked: a person, a proxy, a machine, or nobody can tell?"""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from cputime import takes_at_most
from email_activity.activity.engagement import RULES, RULES_VERSION, Together, judge
from email_activity.activity.engagement.agents import GMAIL_PREFETCH
from email_activity.domain.facts import Activity
from engagement.cases import load
from events import APPLE_PREFETCH, BROWSER, GMAIL_PROXY, YAHOO_PROXY

OUTLOOK = "Microsoft Office/16.0 (Microsoft Outlook 16.0; Pro)"
IPHONE = (
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.1"
    " Mobile/15E148 Safari/604.1"
)
DELIVERED = datetime(2026, 11, 2, 8, 30, tzinfo=UTC).timestamp()

#: Seconds after the delivery.
AT_ONCE, LATER = 30, 3600


def activity(kind, after=0.0, email="m-1", **detail):
    """after: seconds after the delivery."""
    at = datetime.fromtimestamp(DELIVERED + after, UTC)
    event_id = "-".join((kind, email, str(after), *map(str, detail.values())))
    return Activity(email, event_id, kind, at, "event", at, "raw", 0, destination_count=1, detail=detail)


def open_(after=AT_ONCE, agent=BROWSER, ip="203.0.113.7", email="m-1", **detail):
    return activity("Open", after, email, ip_address=ip, user_agent=agent, **detail)


def click(after=AT_ONCE, link="a", agent=BROWSER, ip="203.0.113.7", email="m-1", **detail):
    return activity("Click", after, email, ip_address=ip, user_agent=agent, link=link, **detail)


def verdict_of(event, *others, **more):
    return judge([activity("Delivery", email=event.email_id), *others, event], **more)[event.event_id]


def decided(event, *others, **more):
    """The class, and the rule that decided."""
    found = verdict_of(event, *others, **more)
    return found.class_, found.reasons[0].id


#: A robot's own page, a list's name, and the mail programs and apps that robots' lists take for robots.
AGENTS = [
    ("python-requests/2.32", "machine"),
    ("Mozilla/5.0 (compatible; Pinterestbot/1.0; +http://www.pinterest.com/bot.html)", "machine"),
    ("Slackbot-LinkExpanding 1.0 (+https://api.slack.com/robots)", "machine"),
    ("Barracuda Sentinel (EE)", "machine"),
    (
        "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) HeadlessChrome/120.0 Safari/537.36",
        "machine",
    ),
    ("Microsoft Office Existence Discovery", "machine"),
    (OUTLOOK, "person"),
    ("MacOutlook/16.46.21021202 (Intelx64 Mac OS X 11.2.2)", "person"),
    ("eMClient/9.3.6041.0", "person"),
    ("Yahoo%20Mail/49268 CFNetwork/1121.2.2 Darwin/19.3.0", "person"),
    (
        "Mozilla/5.0 (Linux; Android 14; wv) AppleWebKit/537.36 Chrome/142 Mobile Safari/537.36 [FBAN/EMA;FBAV/400]",
        "person",
    ),
    ("Mozilla/5.0 (Linux; Android 9; CUBOT X19) AppleWebKit/537.36 Chrome/100.0 Mobile Safari/537.36", "unknown"),
]


@pytest.mark.parametrize(("agent", "expected"), AGENTS)
def test_readers_are_told_from_robots_by_name(agent, expected):
    assert verdict_of(open_(agent=agent)).class_ == expected


SWEPT, READ_LATER = ("machine", "sweep"), ("person", "later")

#: name: the event, others, what decides
JUDGED = {
    "an ordinary browser at once": (open_(), [], ("unknown", "early_alone")),
    "an ordinary browser later": (open_(LATER), [], ("person", "later")),
    "Outlook": (open_(agent=OUTLOOK), [], ("person", "reader_agent")),
    "Apple's fetch ahead": (open_(LATER, APPLE_PREFETCH), [], ("machine", "apple_prefetch")),
    "a click with its agent": (click(LATER, agent=APPLE_PREFETCH), [], ("machine", "prefetch_click")),
    "Gmail's fetch ahead": (open_(LATER, GMAIL_PREFETCH), [], ("machine", "gmail_prefetch")),
    "Gmail's proxy": (open_(agent=GMAIL_PROXY), [], ("proxy", "image_proxy")),
    "Yahoo's proxy": (open_(agent=YAHOO_PROXY), [], ("proxy", "image_proxy")),
    "a proxy fetches no links": (click(LATER, agent=GMAIL_PROXY), [], ("unknown", "early_alone")),
    "two links in half a second": (click(LATER), [click(LATER + 0.4, "b")], ("machine", "sweep")),
    "two links in less than a second": (click(LATER), [click(LATER + 0.7, "b")], ("person", "later")),
    "three links in 4 s": (click(LATER), [click(LATER + 2, "b"), click(LATER + 4, "c")], ("person", "later")),
    "four links in 9 s": (click(LATER), [click(LATER + 3 * n, link) for n, link in enumerate("bcd", 1)], SWEPT),
    "four links in 12 s": (click(LATER), [click(LATER + 4 * n, link) for n, link in enumerate("bcd", 1)], READ_LATER),
    "three tabs in 25 s": (click(LATER), [click(LATER + 12, "b"), click(LATER + 25, "c")], ("person", "later")),
    "three links in 3 s": (click(LATER), [click(LATER + 1, "b"), click(LATER + 3, "c")], ("machine", "sweep")),
    "the open before a sweep": (open_(), [click(60), click(60.1, "b")], ("machine", "open_of_sweep")),
    "the same click again": (click(60), [click(40), click(40.1, "b")], ("machine", "click_of_sweep")),
    "a scanner an hour later": (click(LATER), [click(40), click(40.1, "b")], ("unknown", "sweeper_later")),
    "five clicks in 10 s": (click(20), [click(20 + each) for each in (1, 2, 3, 4)], ("machine", "hammering")),
    "five copies of a click": (click(20), [click(20)] * 4, ("unknown", "early_alone")),
    "five people's clicks in 10 s": (
        click(20),
        [click(20 + 2 * each, ip=f"198.51.100.{each}") for each in (1, 2, 3, 4)],
        ("unknown", "early_alone"),
    ),
    "one link from two": (click(20), [click(20.5, ip="198.51.100.9")], ("machine", "same_link_two")),
    "one link from two, of whom one had read it": (
        click(20),
        [open_(5, OUTLOOK), click(20.5, ip="198.51.100.9")],
        ("person", "read_then_click"),
    ),
    "Microsoft's filter": (open_(LATER, ip="40.107.8.9"), [], ("machine", "filter_network")),
    "a gateway at once": (click(20, ip="67.231.150.1"), [], ("machine", "gateway_early")),
    "a gateway later": (click(LATER, ip="67.231.150.1"), [], ("person", "later")),
    "no agent at once": (click(20, agent=""), [], ("machine", "no_agent_early")),
    "no agent later": (click(LATER, agent=""), [], ("unknown", "no_agent")),
    "before the delivery": (open_(-1.5), [], ("machine", "before_delivery")),
    "two systems at once": (
        open_(20),
        [open_(25, BROWSER.replace("X11; Linux x86_64", "Windows NT 10.0"))],
        ("machine", "two_systems"),
    ),
    "clicked in a second": (click(1), [], ("machine", "instant_click")),
    "clicked in three seconds": (click(3), [], ("unknown", "early_alone")),
    "opened, then clicked in two": (click(2), [open_(0.5, OUTLOOK)], ("person", "read_then_click")),
    "SES says Likely": (open_(LATER, is_bot_event=" LIKELY "), [], ("machine", "ses_likely")),
    "Likely, in Outlook": (open_(LATER, OUTLOOK, is_bot_event="Likely"), [], ("unknown", "ses_likely_reader")),
    "Likely, but it was read there": (
        click(60, is_bot_event="Likely"),
        [open_(40, OUTLOOK)],
        ("unknown", "ses_likely_reader"),
    ),
    "a second computer": (
        click(LATER + 12, ip="198.51.100.9", agent=BROWSER.replace("X11; Linux x86_64", "Windows NT 10.0")),
        [click(LATER)],
        ("unknown", "second_network"),
    ),
    "a second computer half a minute later": (
        click(LATER + 30, ip="198.51.100.9", agent=BROWSER.replace("X11; Linux x86_64", "Windows NT 10.0")),
        [click(LATER)],
        READ_LATER,
    ),
    "back the next hour": (open_(), [open_(LATER)], ("person", "back")),
    "read in Outlook, then clicked": (click(60), [open_(40, OUTLOOK)], ("person", "read_then_click")),
}


@pytest.mark.parametrize("name", JUDGED)
def test_the_first_rule_that_holds_decides(name):
    event, others, expected = JUDGED[name]
    assert decided(event, *others) == expected


def test_the_delivery_to_one_of_several_is_not_that_of_who_opened():
    event, delivery = (replace(each, destination_count=2) for each in (open_(-1.5), activity("Delivery")))
    assert judge([delivery, event])[event.event_id].class_ == "unknown"


def test_each_rule_decides_somewhere():
    judged = {expected[1] for _, _, expected in JUDGED.values()}
    assert {rule.id for rule in RULES} - judged == {"machine_agent", "many_recipients"}


def test_all_that_hold_are_shown_beside_what_ses_says():
    found = verdict_of(click(1, agent="curl/8.5", ip="40.107.8.9", is_bot_event="Unlikely"))
    assert [each.id for each in found.reasons] == ["filter_network", "gateway_early", "machine_agent", "instant_click"]
    assert (found.ses, found.ses_agrees, found.rules) == ("Unlikely", False, RULES_VERSION)
    assert found.reasons[2].words == "The software names itself: curl."


@pytest.mark.parametrize(("is_bot", "agrees"), [("Likely", None), ("Unlikely", None), (None, None)])
def test_who_has_no_opinion_does_not_disagree(is_bot, agrees):
    found = verdict_of(open_(agent=OUTLOOK if is_bot == "Likely" else BROWSER, is_bot_event=is_bot))
    assert (found.class_, found.ses_agrees) == ("unknown", agrees)


def test_without_a_delivery_it_counts_from_the_sending_and_is_less_sure():
    sent, event = activity("Send"), open_(LATER)
    (found,) = judge([sent, event]).values()
    assert (found.class_, found.confidence, verdict_of(event).confidence) == ("person", 0.65, 0.75)
    assert judge([event])[event.event_id].class_ == "unknown"
    assert judge([event], sent_at=sent.occurred_at)[event.event_id] == found


def test_one_network_at_many_recipients_mail_is_no_computer():
    """Where only networks are stored, phones of one make are as many people."""
    opens = [open_(20 + number, ip="203.0.113.0/24", email=f"m-{number}") for number in range(4)]
    events = [each for opened in opens for each in (activity("Delivery", email=opened.email_id), opened)]
    assert not Together.of(events).events


def test_one_computer_at_many_recipients_mail_is_seen_where_they_are_read_together():
    emails = [f"m-{number}" for number in range(4)]
    events = [open_(20 + number, email=email) for number, email in enumerate(emails)]
    timelines = [[activity("Delivery", email=email), event] for email, event in zip(emails, events, strict=True)]
    together = Together.of([each for timeline in timelines for each in timeline])
    for timeline, event in zip(timelines, events, strict=True):
        alone, many = judge(timeline)[event.event_id], judge(timeline, together)[event.event_id]
        assert (alone.class_, alone.signals) == ("unknown", "one_email")
        assert (many.class_, many.signals, many.reasons[0].id) == ("machine", "many_emails", "many_recipients")
    assert not Together.of([each for timeline in timelines[:3] for each in timeline]).events
    assert judge([each for timeline in timelines for each in timeline]) == {
        event.event_id: judge(timeline, together)[event.event_id]
        for timeline, event in zip(timelines, events, strict=True)
    }


def test_people_in_one_office_are_no_machine():
    """One address, one browser, an hour after the delivery; or one mail program at once."""
    for after, agent in ((LATER, BROWSER), (20, OUTLOOK)):
        emails = [f"m-{number}" for number in range(9)]
        events = [open_(after + number, agent, email=email) for number, email in enumerate(emails)]
        found = judge([*(activity("Delivery", email=email) for email in emails), *events])
        assert {each.class_ for each in found.values()} == {"person"}


def test_no_person_of_the_labelled_cases_is_called_a_machine():
    for case in load("rules"):
        activities = case.activities
        found = judge(activities)
        for label in case.labels:
            if label.label == "person":
                assert found[activities[label.event].event_id].class_ != "machine", case.id


def test_whoever_opens_an_email_again_and_again_holds_nobody_up():
    """Opens from ever other addresses, clicks on ever other links: each is compared with the first ones alone."""
    opens = [open_(number / 100, ip=f"2001:db8::{number:x}") for number in range(4_000)]
    clicks = [click(number / 100, link=str(number)) for number in range(4_000)]
    assert takes_at_most(4, lambda: judge([activity("Delivery"), *opens]))
    assert takes_at_most(4, lambda: judge([activity("Delivery"), *clicks]))


@pytest.mark.parametrize("others", [[], [open_(60, OUTLOOK)]], ids=["a stranger", "who read it in Outlook"])
def test_who_clicks_again_and_again_after_reading_is_impatient(others):
    clicks = [click(LATER + number) for number in range(5)]
    found = judge([activity("Delivery"), *others, *clicks])
    assert {found[each.event_id].class_ for each in clicks} == ({"person"} if others else {"machine"})


def test_a_phone_behind_two_addresses_is_one_computer():
    twice = [click(LATER, agent=IPHONE), click(LATER + 0.4, agent=IPHONE, ip="198.51.100.9")]
    assert {each.class_ for each in judge([activity("Delivery"), *twice]).values()} == {"person"}
    twice = [click(LATER), click(LATER + 0.4, ip="198.51.100.9")]
    assert {each.class_ for each in judge([activity("Delivery"), *twice]).values()} == {"machine"}
