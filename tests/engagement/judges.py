"""Who judges: this product, and what others go by. Each is given a case, and says a class for each of its labels."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import timedelta
from functools import cache
from typing import Any

from email_activity.activity.engagement import judge
from email_activity.domain.facts import Activity
from engagement.cases import Case, Label, engagement_of

Judge = Callable[[Case], list[str]]

TOO_EARLY = timedelta(seconds=2)
LINKS, WITHIN = 3, timedelta(seconds=10)


def ours(case: Case) -> list[str]:
    """The only place that knows how the product judges."""
    activities = case.activities
    verdicts = judge(activities)
    return [verdicts[activities[label.event].event_id].class_ for label in case.labels]


def time_only(case: Case) -> list[str]:
    """A machine before the email's first Delivery and two seconds after it; after the sending where none is known."""
    activities = case.activities

    def is_early(activity: Activity) -> bool:
        of_email = [each for each in activities if each.email_id == activity.email_id]
        arrivals = _times(each for each in of_email if each.kind == "Delivery")
        since = min(arrivals or _times(each for each in of_email if each.kind == "Send"))
        return activity.occurred_at is not None and activity.occurred_at <= since + TOO_EARLY

    return [_machine_if(is_early(activities[label.event])) for label in case.labels]


def three_links(case: Case) -> list[str]:
    """A machine where three links of an email are clicked in ten seconds."""
    activities = case.activities

    def is_in_burst(activity: Activity) -> bool:
        clicks = [each for each in activities if (each.kind, each.email_id) == ("Click", activity.email_id)]
        windows = ([each for each in clicks if _in_window(first, each)] for first in clicks)
        return any(activity in window and len({each.detail["link"] for each in window}) >= LINKS for window in windows)

    return [_machine_if(is_in_burst(activities[label.event])) for label in case.labels]


def ses_alone(case: Case) -> list[str]:
    return [_machine_if(_engagement(case, label).get("isBotEvent") == "Likely") for label in case.labels]


def crawler_user_agents(case: Case) -> list[str]:
    """https://github.com/monperrus/crawler-user-agents"""
    from crawleruseragents import is_crawler  # noqa: PLC0415  (for the report only)

    return [_machine_if(is_crawler(_agent(case, label))) for label in case.labels]


def crawlerdetect(case: Case) -> list[str]:
    """https://github.com/moskrc/CrawlerDetect"""
    return [_machine_if(_detector().is_crawler(_agent(case, label))) for label in case.labels]


JUDGES: Mapping[str, Judge] = {
    "this product": ours,
    "2 s after delivery": time_only,
    "3 links in 10 s": three_links,
    "crawler-user-agents": crawler_user_agents,
    "crawlerdetect": crawlerdetect,
    "SES's flag alone": ses_alone,
}


@cache
def _detector() -> Any:
    from crawlerdetect import CrawlerDetect  # noqa: PLC0415

    return CrawlerDetect()


def _machine_if(is_machine: bool) -> str:
    """What others tell apart."""
    return "machine" if is_machine else "person"


def _engagement(case: Case, label: Label) -> dict[str, Any]:
    return engagement_of(case.events[label.event])


def _agent(case: Case, label: Label) -> str:
    return _engagement(case, label).get("userAgent", "")


def _times(activities: Iterable[Activity]) -> Sequence[Any]:
    return [each.occurred_at for each in activities]


def _in_window(first: Activity, other: Activity) -> bool:
    return timedelta(0) <= other.occurred_at - first.occurred_at <= WITHIN  # type: ignore[operator]
