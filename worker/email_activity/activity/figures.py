"""What a summary comes to: counts with their rates, in the words of `words.toml`. Pure."""

import math
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from email_activity.activity import model
from email_activity.activity.summary import Reason, Summary
from email_activity.activity.summary_model import (
    Bucket,
    Day,
    DeliveryTime,
    Domain,
    FailureReason,
    Figures,
    Outcome,
    Trend,
)
from email_activity.activity.words import words

#: Rates from which on SES puts an AWS account under review, and may pause its sending.
#: https://docs.aws.amazon.com/ses/latest/dg/reputationdashboard-bounce-rate.html
#: https://docs.aws.amazon.com/ses/latest/dg/reputationdashboard-complaint-rate.html
BOUNCE_REVIEW, BOUNCE_PAUSE = 0.05, 0.10
COMPLAINT_REVIEW, COMPLAINT_PAUSE = 0.001, 0.005

#: Seconds, each up to and with; the last bucket is what took longer.
BUCKETS = (5, 30, 120, 600, 3_600, 21_600)

#: Receiving domains that are listed.
WORST = 10

#: Engagement that nobody can tell.
UNTOLD = ("not_tracked", "shared")


@dataclass(frozen=True, slots=True)
class About:
    """What was counted. account None: all. first, last: days, both counted."""

    account: str | None
    first: date
    last: date
    time_zone: str
    counted_at: datetime
    freshness: model.Freshness | None = None

    @property
    def days(self) -> list[date]:
        return [self.first + timedelta(days=number) for number in range((self.last - self.first).days + 1)]


def figures(summary: Summary, about: About) -> Figures:
    sent = summary.sent_by_day
    return Figures(
        account=about.account,
        first=about.first,
        last=about.last,
        time_zone=about.time_zone,
        counted_at=about.counted_at,
        freshness=about.freshness,
        sent=summary.sent,
        simulated=summary.simulated,
        undated=summary.undated,
        delivery=tuple(_delivery(summary)),
        engagement=tuple(_engagement(summary)),
        failures=tuple(_failures(summary.failures)),
        time_to_delivery=_delivery_time(summary.seconds, summary.delivery["delivered"]),
        bounces=_trend(summary.bounced_by_day, sent, about.days, (BOUNCE_REVIEW, BOUNCE_PAUSE)),
        complaints=_trend(summary.complained_by_day, sent, about.days, (COMPLAINT_REVIEW, COMPLAINT_PAUSE)),
        domains=tuple(_domains(summary))[:WORST],
    )


def _outcome(code: str, count: int, of: int, word: Reason) -> Outcome:
    row = words(*word)
    return Outcome(code=code, tone=row.tone, label=row.label, means=row.means, count=count, of=of)


def _delivery(summary: Summary) -> Iterator[Outcome]:
    count, of = summary.delivery, summary.sent
    yield _outcome("delivered", count["delivered"], of, ("delivered", None))
    failed = "A bounce or a refusal was reported. The reasons stand below."
    yield Outcome(code="failed", tone="bad", label="Not delivered", means=failed, count=count["failed"], of=of)
    yield _outcome("pending", count["pending"], of, ("sent", None))
    yield _outcome("not_reported", count["not_reported"], of, ("sent", "not_reported"))


def _engagement(summary: Summary) -> Iterator[Outcome]:
    """The rates are of the deliveries whose engagement can be told."""
    count = summary.engagement
    untold = sum(count[each] for each in UNTOLD)
    of = count.total() - untold
    yield _outcome("opened", count["opened"] + count["clicked"], of, ("opened", None))
    yield _outcome("clicked", count["clicked"], of, ("clicked", None))
    yield _outcome("proxy_opened", count["proxy_opened"], of, ("proxy_opened", None))
    yield _outcome("unknown", count["unknown"], of, ("unknown", "open"))
    yield _outcome("machine", count["machine"], of, ("machine", None))
    yield _outcome("none", count["none"], of, ("none", None))
    means = "Opens are not tracked, or SES does not say which of several recipients it was. Counted in no rate."
    yield Outcome(code="not_told", tone="note", label="Cannot be told", means=means, count=untold, of=count.total())


def _failures(failures: Mapping[Reason, int]) -> Iterator[FailureReason]:
    of = sum(failures.values())
    for reason, count in _most_first(failures):
        row = words(*reason)
        yield FailureReason(
            codes=row.codes,
            reason=row.reason,
            tone=row.tone,
            label=row.label,
            means=row.means,
            next_step=row.next_step,
            count=count,
            of=of,
        )


def _delivery_time(seconds: Mapping[int, int], delivered: int) -> DeliveryTime:
    known = sum(seconds.values())
    buckets = []
    lower = -1
    for upper in (*BUCKETS, None):
        count = sum(each for took, each in seconds.items() if took > lower and (upper is None or took <= upper))
        buckets.append(Bucket(up_to_seconds=upper, count=count, of=known))
        lower = upper or lower
    return DeliveryTime(
        count=known,
        of=delivered,
        median_seconds=_percentile(seconds, 50),
        p95_seconds=_percentile(seconds, 95),
        buckets=tuple(buckets),
    )


def _percentile(seconds: Mapping[int, int], percent: int) -> int | None:
    """By nearest rank: a value that occurred."""
    rank = -(-sum(seconds.values()) * percent // 100)
    for took in sorted(seconds):
        rank -= seconds[took]
        if rank <= 0:
            return took
    return None


def _trend(
    counts: Mapping[date, int], sent: Mapping[date, int], days: Iterable[date], limits: tuple[float, float]
) -> Trend:
    listed = tuple(Day(day=each, count=counts.get(each, 0), of=sent.get(each, 0)) for each in days)
    judged_from = math.ceil(1 / limits[0])
    highest = max(listed, key=lambda each: (each.of >= judged_from, each.rate or 0, each.of), default=None)
    if highest and not highest.count:
        highest = max(listed, key=lambda each: (each.rate or 0, each.of))
    return Trend(
        review=limits[0],
        pause=limits[1],
        judged_from=judged_from,
        highest=highest if highest and highest.count else None,
        days=listed,
        count=sum(each.count for each in listed),
        of=sum(each.of for each in listed),
    )


def _domains(summary: Summary) -> Iterator[Domain]:
    """Where most emails were lost comes first."""
    failed: Counter[str] = Counter()
    reasons: dict[str, Counter[Reason]] = {}
    for (domain, reason), count in summary.failed_by_domain.items():
        failed[domain] += count
        reasons.setdefault(domain, Counter())[reason] += count
    sent = summary.sent_by_domain
    for domain in sorted(failed, key=lambda each: (-failed[each], -failed[each] / sent[each], each)):
        (most, _), *_ = _most_first(reasons[domain])
        yield Domain(domain=domain, reason=words(*most).label, count=failed[domain], of=sent[domain])


def _most_first(counts: Mapping[Reason, int]) -> list[tuple[Reason, int]]:
    return sorted(counts.items(), key=lambda each: (-each[1], words(*each[0]).label))
