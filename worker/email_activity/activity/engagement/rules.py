"""The rules by which an open or a click is judged: a table, in order. The first that holds decides. Pure.

docs/engagement.md says of each where it comes from and what it cannot tell.
"""

from collections.abc import Callable
from dataclasses import dataclass

from email_activity.activity.engagement.verdict import Class, is_likely
from email_activity.activity.engagement.visits import EARLY, Email, Visit

Holds = Callable[[Visit, Email], bool]


@dataclass(frozen=True, slots=True)
class Rule:
    """words: for people; {agent} and {network} are filled in. source: who saw it. is_timed: it counts from the
    delivery, so it is less sure where only the sending is known.
    """

    id: str
    holds: Holds
    class_: Class
    confidence: float
    words: str
    source: str
    is_timed: bool = False


def _kind(*kinds: str) -> Holds:
    return lambda visit, _: visit.agent.kind in kinds


def _is_robot(visit: Visit, _: Email) -> bool:
    return visit.agent.kind == "robot" or (visit.is_click and visit.agent.kind == "library")


def _opens_before_sweep(visit: Visit, email: Email) -> bool:
    """The median of the opens that were measured comes 33 seconds before the links."""
    if visit.is_click or visit.at is None:
        return False
    before = 180 if visit.is_early else 60
    return any(
        -before <= (away := sweep.away(visit.at)) <= 10  # noqa: PLR2004  seconds
        and (
            visit.source in sweep.sources
            or visit.fleet in sweep.fleets
            or (visit.ip in sweep.ips and abs(away) <= 10 and visit.agent.kind != "reader")  # noqa: PLR2004
        )
        for sweep in email.sweeps
    )


def _near_sweep(visit: Visit, email: Email) -> bool:
    return (
        visit.is_click
        and visit.at is not None
        and any(visit.source in sweep.sources and abs(sweep.away(visit.at)) <= EARLY for sweep in email.sweeps)
    )


def _is_sweeper(visit: Visit, email: Email) -> bool:
    return any(visit.source in sweep.sources for sweep in email.sweeps)


def _before_delivery(visit: Visit, email: Email) -> bool:
    """A server that took the mail and did not say so in time is asked again: then somebody may read it before."""
    if not (email.is_sole and email.delivered_at is not None and visit.at is not None):
        return False
    before = email.delivered_at - visit.at
    return before > 0.5 and (visit.agent.kind != "reader" or before <= 60)  # noqa: PLR2004  seconds


def _two_systems(visit: Visit, email: Email) -> bool:
    def is_odd(each: Visit) -> bool:
        return bool(each.agent.system) and each.agent.kind == "browser" and each.is_early

    return (
        email.is_sole
        and is_odd(visit)
        and any(
            each.ip == visit.ip
            and is_odd(each)
            and each.agent.system != visit.agent.system
            and abs(visit.apart(each)) <= 10  # noqa: PLR2004  seconds
            for each in email.others(visit)
        )
    )


def _instant_click(visit: Visit, email: Email) -> bool:
    if not visit.is_click or visit.after is None or visit.after > 2:  # noqa: PLR2004  seconds
        return False
    return not any(
        each.ip == visit.ip and not each.is_click and visit.apart(each) >= 1 for each in email.visits
    )


def _ses_likely(visit: Visit, email: Email) -> bool:
    is_a_reader = visit.agent.kind == "reader" or (not visit.is_early and email.was_read_by(visit))
    return is_likely(visit.ses) and not is_a_reader


def _second_network(visit: Visit, email: Email) -> bool:
    return visit.is_click and any(
        each.is_click
        and each.link == visit.link
        and each.ip != visit.ip
        and each.agent.system != visit.agent.system
        and 0 < visit.apart(each) <= 20  # noqa: PLR2004  seconds
        for each in email.others(visit)
    )


def _back(visit: Visit, email: Email) -> bool:
    return visit.agent.kind in ("browser", "library", "other") and any(
        each.source == visit.source and EARLY < abs(visit.apart(each)) < float("inf") for each in email.others(visit)
    )


def _later(visit: Visit, _: Email) -> bool:
    return visit.agent.kind == "browser" and visit.after is not None and visit.after >= EARLY


def _read_then_clicked(visit: Visit, email: Email) -> bool:
    """A scanner opens and clicks too: so from a phone, or later than scanners come."""
    if visit.agent.kind != "browser" or not (visit.agent.is_phone or (visit.after or 0) > 300):  # noqa: PLR2004
        return False
    return any(
        each.source == visit.source
        and each.is_click != visit.is_click
        and 1 <= (visit.apart(each) if visit.is_click else each.apart(visit)) < float("inf")
        for each in email.others(visit)
    )


RULES = (
    Rule(
        "apple_prefetch",
        lambda visit, _: not visit.is_click and visit.agent.kind == "apple_prefetch",
        "machine",
        0.95,
        "Apple Mail loaded the images by itself, whether read or not.",
        "SocketLabs; Mailgun",
    ),
    Rule(
        "gmail_prefetch",
        lambda visit, _: not visit.is_click and visit.agent.kind == "gmail_prefetch",
        "machine",
        0.95,
        "Gmail loaded the images ahead, whether read or not.",
        "SparkPost; mautic 10245",
    ),
    Rule(
        "image_proxy",
        lambda visit, _: not visit.is_click and visit.agent.kind == "image_proxy",
        "proxy",
        0.9,
        "The mail provider fetched the image, as it does when the email is opened ({agent}).",
        "ScientiaMobile; isbot; Matomo",
    ),
    Rule(
        "sweep",
        lambda visit, email: visit.id in email.swept,
        "machine",
        0.97,
        "Several links within seconds, as scanners take them.",
        "craft-campaign 546; MillionSend 22; Marketo; Twenty",
    ),
    Rule(
        "hammering",
        lambda visit, email: visit.id in email.hammered,
        "machine",
        0.95,
        "The same link again and again within seconds.",
        "gophish 1061",
    ),
    Rule(
        "open_of_sweep",
        _opens_before_sweep,
        "machine",
        0.85,
        "Opened by the scanner that took the links.",
        "craft-campaign 546",
    ),
    Rule(
        "click_of_sweep",
        _near_sweep,
        "machine",
        0.85,
        "Taken by the scanner that took several links within seconds.",
        "MillionSend 22",
    ),
    Rule(
        "same_link_two",
        lambda visit, email: visit.id in email.doubled,
        "machine",
        0.9,
        "One link, two computers, one second.",
        "suped-ec2; gophish 2225",
    ),
    Rule(
        "filter_network",
        lambda visit, _: bool((found := visit.filter) and found.only_filters),
        "machine",
        0.95,
        "From a network that only filters mail ({network}).",
        "Microsoft's and Barracuda's lists, as Warmbly reads them",
    ),
    Rule(
        "gateway_early",
        lambda visit, _: visit.is_early and visit.filter is not None,
        "machine",
        0.8,
        "From a mail security service ({network}), soon after the delivery.",
        "Warmbly",
        is_timed=True,
    ),
    Rule(
        "machine_agent",
        _is_robot,
        "machine",
        0.95,
        "The software names itself: {agent}.",
        "crawler-user-agents; Matomo",
    ),
    Rule(
        "no_agent_early",
        lambda visit, _: visit.is_early and visit.agent.kind == "none",
        "machine",
        0.7,
        "No browser and no mail program says nothing of itself, and it came soon after the delivery.",
        "Warmbly; emailengine",
        is_timed=True,
    ),
    Rule(
        "no_agent",
        _kind("none"),
        "unknown",
        0.5,
        "What loaded it says nothing of itself.",
        "Warmbly; emailengine",
    ),
    Rule(
        "prefetch_click",
        lambda visit, _: visit.is_click and visit.agent.kind in ("apple_prefetch", "gmail_prefetch"),
        "machine",
        0.7,
        "No browser says only that of itself.",
        "SocketLabs",
    ),
    Rule(
        "before_delivery",
        _before_delivery,
        "machine",
        0.95,
        "It came before the email was delivered.",
        "gophish 2446",
    ),
    Rule(
        "two_systems",
        _two_systems,
        "machine",
        0.8,
        "One address, two operating systems, seconds apart.",
        "warmbly 410",
        is_timed=True,
    ),
    Rule(
        "instant_click",
        _instant_click,
        "machine",
        0.8,
        "Sooner after the delivery than a hand can click.",
        "Mautic; gophish 1555; mailcoach 301",
        is_timed=True,
    ),
    Rule(
        "many_recipients",
        lambda visit, email: visit.id in email.many_recipients,
        "machine",
        0.85,
        "One computer at many recipients' mail at once.",
        "SendGrid; jericho",
    ),
    Rule("ses_likely", _ses_likely, "machine", 0.9, "SES takes it for automatic.", "AWS"),
    Rule(
        "ses_likely_reader",
        lambda visit, _: is_likely(visit.ses),
        "unknown",
        0.5,
        "SES takes it for automatic, but it looks like a person's program or place.",
        "AWS",
    ),
    Rule(
        "second_network",
        _second_network,
        "unknown",
        0.5,
        "A second computer took the same link seconds later.",
        "resend 901",
    ),
    Rule(
        "sweeper_later",
        _is_sweeper,
        "unknown",
        0.5,
        "The computer is that of a scanner, long after it took the links.",
        "MillionSend 22",
    ),
    Rule("reader_agent", _kind("reader"), "person", 0.85, "In a program for people: {agent}.", "uap-core; Matomo"),
    Rule("back", _back, "person", 0.85, "The same computer came back later.", "MillionSend 22"),
    Rule(
        "later",
        _later,
        "person",
        0.75,
        "An ordinary browser, well after the delivery.",
        "metacompliance; jericho",
        is_timed=True,
    ),
    Rule(
        "read_then_click",
        _read_then_clicked,
        "person",
        0.65,
        "Opened and then clicked on one computer.",
        "warmbly 412",
    ),
    Rule(
        "early_alone",
        lambda *_: True,
        "unknown",
        0.5,
        "Nothing tells whether a person or a scanner did it.",
        "jericho; anymail 200",
    ),
)
