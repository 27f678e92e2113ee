"""Parts that are counted side by side come to what one count of all would, in any order."""

from datetime import timedelta
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from email_activity.activity.answers import Context
from email_activity.activity.reasons import NEVER_LEFT_SES
from email_activity.activity.status import EmailStatus
from email_activity.activity.summary import Summary
from reading import EVERYTHING, NOW, fold, items_of
from strategies import copies, stories

CONTEXT = Context(now=NOW + timedelta(days=3))

arrived = stories().flatmap(lambda story: st.lists(st.tuples(st.sampled_from(story), copies), min_size=1, max_size=6))


def counted(emails: list[EmailStatus]) -> Summary:
    summary = Summary()
    for each in emails:
        summary.add(each, CONTEXT)
    return summary


@given(st.lists(arrived, min_size=1, max_size=6), st.data())
def test_merged_parts_are_the_count_of_all_in_any_order(mails, data):
    found = [items_of([copy.body(event) for event, copy in each], EVERYTHING) for each in mails]
    emails = [fold(each.values()) for each in found if each]
    shuffled = data.draw(st.permutations(emails))
    cuts = sorted(data.draw(st.lists(st.integers(0, len(emails)), max_size=3)))
    merged = Summary()
    for part in data.draw(st.permutations([shuffled[low:high] for low, high in pairwise([0, *cuts, len(emails)])])):
        merged.merge(counted(part))
    assert merged == counted(emails)
    assert merged.sent == sum(merged.sent_by_day.values()) == sum(merged.sent_by_domain.values())
    assert merged.delivery["failed"] == merged.failures.total()
    refused = {reason: count for reason, count in merged.failures.items() if reason[0] not in NEVER_LEFT_SES}
    assert merged.failed_by_domain.total() == sum(refused.values())
    assert merged.engagement.total() == merged.delivery["delivered"]
    assert merged.bounced_by_day.total() <= merged.delivery["failed"]
