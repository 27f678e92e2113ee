"""What judging opens and clicks costs: a day's emails from DynamoDB's answers to a summary, with the judgement of whole
timelines, and with one look at each event alone, in turn.

    make bench-judging
    make bench-judging ARGS="--emails 10000 --rounds 15"

All CPU time of the fold is counted: reading the answers' JSON, facts, statuses, the summary; only the network is not.
"""

import argparse
import json
import statistics
import time
from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from unittest import mock

from boto3.dynamodb.types import TypeSerializer

from benchmarks.reading_day import Day
from benchmarks.say import load_average, say
from email_activity.activity import attribution, bulk
from email_activity.activity.answers import Context
from email_activity.activity.engagement import Together, Verdict
from email_activity.activity.query import MAX_TOGETHER, ActivityTable
from email_activity.activity.summary import Summary
from email_activity.domain.chunks import chunks
from email_activity.domain.facts import Activity
from email_activity.domain.keys import email_key
from email_activity.ses.interpret import interpret
from email_activity.ses.tracking_policy import TrackingPolicy
from events import raw

EMAILS, ROUNDS = 2_000, 15

DAY = datetime(2026, 11, 18, tzinfo=UTC)


class Answers:
    """A client of DynamoDB that has its answers as text, a page of items for each email."""

    def __init__(self, emails: int) -> None:
        found: defaultdict[str, dict[str, Any]] = defaultdict(dict)
        for event in Day("acme", DAY, emails).made(0, emails):
            reading = interpret(raw(event), TrackingPolicy(), recorded_at=DAY, sent_at=DAY, message_id="benchmark")
            for item in (fact.to_item() for each in reading.events for fact in each.facts):
                found[item["pk"]][item["sk"]] = {
                    name: TypeSerializer().serialize(value) for name, value in item.items()
                }
        self._pages = {key: json.dumps(list(items.values())) for key, items in found.items()}

    def execute_statement(self, **request: Any) -> Mapping[str, Any]:
        return {"Items": [item for each in request["Parameters"] for item in json.loads(self._pages[each["S"]])]}

    @property
    def email_ids(self) -> list[str]:
        return [key.removeprefix(email_key("")) for key in self._pages]


def alone(timeline: Sequence[Activity], _: Together | None = None, **__: Any) -> dict[str, Verdict]:
    """As before whole timelines were judged: a person, but for SES's flag and the agents of fetchers."""
    return {each.event_id: _alone(each.detail) for each in timeline if each.kind in ("Open", "Click")}


def _alone(detail: Mapping[str, Any]) -> Verdict:
    agent = detail.get("user_agent", "")
    if detail.get("is_bot_event", "").casefold() == "likely" or agent.strip() == "Mozilla/5.0":
        return Verdict("machine", 1, ())
    return Verdict("proxy" if "GoogleImageProxy" in agent or "YahooMailProxy" in agent else "person", 1, ())


def fold(answers: Answers, email_ids: Sequence[str]) -> float:
    """Seconds of CPU."""
    table, context = ActivityTable(answers, "activity"), Context(now=DAY + timedelta(days=1))  # type: ignore[arg-type]
    start = time.process_time()
    summary = Summary(UTC)
    for ids in chunks(email_ids, MAX_TOGETHER):
        for email in bulk.fold_together(table, ids):
            summary.add(email.status, context)
    return time.process_time() - start


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--emails", type=int, default=EMAILS)
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    wanted = parser.parse_args()
    load_average()
    answers = Answers(wanted.emails)
    judged, looked = [], []
    for _ in range(wanted.rounds):
        judged.append(fold(answers, answers.email_ids))
        with (
            mock.patch.object(attribution, "judge", alone),
            mock.patch.object(bulk, "Together", mock.Mock(of=lambda _: None)),
        ):
            looked.append(fold(answers, answers.email_ids))
    for name, seconds in (("whole timelines", judged), ("each event alone", looked)):
        least, middle = (1e6 * each / wanted.emails for each in (min(seconds), statistics.median(seconds)))
        say(f"{name:<18}{least:>8.0f} us of CPU an email at least, {middle:.0f} in the median")
    ratio = statistics.median(one / other for one, other in zip(judged, looked, strict=True))
    say(f"ratio: {min(judged) / min(looked):.3f} of the least, {ratio:.3f} in the median round")


if __name__ == "__main__":
    main()
