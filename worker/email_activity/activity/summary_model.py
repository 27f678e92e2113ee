"""The shapes of a summary, as readers are given them: as `model.py`, with the same promise. Pure.

A rate is a number between 0 and 1, and None where there is nothing to divide by. What nobody can tell is a row of its
own, and no part of another's rate.
"""

from datetime import date
from typing import Literal

from pydantic import computed_field

from email_activity.activity import model
from email_activity.activity.model import Model, Time
from email_activity.activity.words import Tone


class Share(Model):
    """count of `of`."""

    count: int
    of: int

    @computed_field  # type: ignore[prop-decorator]
    @property
    def rate(self) -> float | None:
        return self.count / self.of if self.of else None


class Outcome(Share):
    """code: delivered, failed, pending or not_reported; or of an engagement: clicked, opened, proxy_opened, unknown,
    machine, none, not_told. `opened` holds those that clicked. means: for people.
    """

    code: str
    tone: Tone
    label: str
    means: str


class FailureReason(Share):
    """codes: the states that share the label. of: all that failed."""

    codes: tuple[str, ...]
    reason: str | None
    tone: Tone
    label: str
    means: str
    next_step: str | None


class Bucket(Share):
    """Deliveries that took up to so many seconds, and longer than the bucket before; None: longer than all."""

    up_to_seconds: int | None


class DeliveryTime(Model):
    """count: of how many deliveries the time is known, of all that were delivered."""

    count: int
    of: int
    median_seconds: int | None
    p95_seconds: int | None
    buckets: tuple[Bucket, ...]


class Day(Share):
    """of: the emails that were sent on that day. count: those of them that bounced, or were complained about."""

    day: date


class Trend(Share):
    """A rate of the whole span and of each day, beside SES's limits.

    judged_from: how many emails it takes to judge a rate: of fewer, a single one would exceed the limit. highest: the
    day, of those that can be judged if any of them has one; None if no day has one.
    """

    review: float
    pause: float
    judged_from: int
    highest: Day | None
    days: tuple[Day, ...]


class Domain(Share):
    """A receiving domain: count of its emails were not delivered. reason: the most frequent label."""

    domain: str
    reason: str


class Figures(Model):
    """first, last: the days, both counted, in `time_zone`. simulated: emails to SES's simulator, which count
    nowhere. undated: emails that no report told the time of, which count nowhere either."""

    object: Literal["summary"] = "summary"
    account: str | None
    first: date
    last: date
    time_zone: str
    counted_at: Time
    freshness: model.Freshness | None
    sent: int
    simulated: int
    undated: int
    delivery: tuple[Outcome, ...]
    engagement: tuple[Outcome, ...]
    failures: tuple[FailureReason, ...]
    time_to_delivery: DeliveryTime
    bounces: Trend
    complaints: Trend
    domains: tuple[Domain, ...]
