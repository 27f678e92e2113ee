"""What the rules ask of an open or a click: each a question that one rule answers. Pure."""

from collections.abc import Callable

from email_activity.activity.engagement.verdict import is_likely
from email_activity.activity.engagement.visits import EARLY, NEVER, Email, Visit

Holds = Callable[[Visit, Email], bool]


def names_itself(visit: Visit, _: Email) -> bool:
    """Apps load images with a library."""
    return visit.is_click or visit.agent.kind == "robot"


def opens_before_sweep(visit: Visit, email: Email) -> bool:
    """The median of the opens that were measured comes 33 seconds before the links."""
    if visit.at is None:
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


def near_sweep(visit: Visit, email: Email) -> bool:
    return visit.at is not None and any(
        visit.source in sweep.sources and abs(sweep.away(visit.at)) <= EARLY for sweep in email.sweeps
    )


def is_sweeper(visit: Visit, email: Email) -> bool:
    return any(visit.source in sweep.sources for sweep in email.sweeps)


def before_delivery(visit: Visit, email: Email) -> bool:
    """A server that took the mail and did not say so in time is asked again: then somebody may read it before."""
    if not (email.is_sole and email.delivered_at is not None and visit.at is not None):
        return False
    before = email.delivered_at - visit.at
    return before > 0.5 and (visit.agent.kind != "reader" or before <= 60)  # noqa: PLR2004  seconds


def two_systems(visit: Visit, email: Email) -> bool:
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


def instant_click(visit: Visit, email: Email) -> bool:
    if visit.after is None or visit.after > 2:  # noqa: PLR2004  seconds
        return False
    return not any(email.opened_before(visit))


def ses_likely(visit: Visit, email: Email) -> bool:
    """SES does not say what it goes by, so it alone does not decide against who had opened the email there before."""
    if not is_likely(visit.ses) or visit.agent.kind == "reader":
        return False
    return all(is_likely(each.ses) for each in email.opened_before(visit))


def second_network(visit: Visit, email: Email) -> bool:
    return any(
        each.is_click
        and each.link == visit.link
        and each.ip != visit.ip
        and each.agent.system != visit.agent.system
        and 0 < visit.apart(each) <= 20  # noqa: PLR2004  seconds
        for each in email.others(visit)
    )


def back(visit: Visit, email: Email) -> bool:
    return any(each.source == visit.source and EARLY < abs(visit.apart(each)) < NEVER for each in email.others(visit))


def later(visit: Visit, _: Email) -> bool:
    return visit.after is not None and visit.after >= EARLY


def read_then_clicked(visit: Visit, email: Email) -> bool:
    """A scanner opens and clicks too: so read in a program for people, on a phone, or later than scanners come."""
    if visit.is_click and any(each.agent.kind == "reader" for each in email.opened_before(visit)):
        return True
    if not visit.agent.is_phone and (visit.after or 0) <= 300:  # noqa: PLR2004  seconds
        return False
    return any(
        each.source == visit.source
        and each.is_click != visit.is_click
        and 1 <= (visit.apart(each) if visit.is_click else each.apart(visit)) < NEVER
        for each in email.others(visit)
    )
