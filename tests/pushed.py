"""What the template's pipe makes of records of the table's stream, since no stand-in runs pipes.

The pattern of its filter is the template's own, evaluated by LocalStack's EventBridge, whose language it is. The
expression of its state machine is the template's own, too, evaluated by an implementation of JSONata.
https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-pipes-event-filtering.html
https://docs.aws.amazon.com/step-functions/latest/dg/transforming-data.html
"""

import json
import sys
from collections.abc import Sequence
from functools import cache
from typing import Any

from email_activity.domain.facts import Item
from email_activity.ingest.store import marshall
from template import whole

Record = dict[str, Any]
Message = dict[str, Any]

#: What an event must have for EventBridge to look at it; a pattern that does not name it does not care.
ENVELOPE = {
    "id": "1",
    "detail-type": "record",
    "source": "test",
    "account": "111122223333",
    "time": "2026-11-23T09:00:00Z",
    "region": "eu-central-1",
    "resources": [],
}


def inserted(item: Item) -> Record:
    """The record of an item that was not there before. Integration tests read them from a real stream."""
    return {"eventName": "INSERT", "dynamodb": {"NewImage": marshall(item)}}


@cache
def pattern() -> str:
    (filter_,) = properties("Push")["SourceParameters"]["FilterCriteria"]["Filters"]
    return filter_["Pattern"]


def passes(events: Any, record: Record) -> bool:
    """events: a client of LocalStack's EventBridge."""
    event = json.dumps(ENVELOPE | record, default=str)
    return events.test_event_pattern(EventPattern=pattern(), Event=event)["Result"]


@cache
def expression() -> str:
    (state,) = properties("PushMessage")["Definition"]["States"].values()
    text = state["Output"]
    assert text.startswith("{%"), "Step Functions takes it for a text otherwise"
    assert text.endswith("%}")
    return text[2:-2]


def messages(records: Sequence[Record]) -> list[Message]:
    """What the state machine makes of a batch."""
    limit = sys.getrecursionlimit()
    from jsonata import Jsonata  # noqa: PLC0415  few of those who collect tests need it

    computed = Jsonata(expression())
    computed.assign("states", {"input": json.loads(json.dumps(list(records), default=str))})
    made = computed.evaluate(None)
    sys.setrecursionlimit(limit)  # jsonata sets another for the whole process
    # Step Functions takes JSON and nothing else.
    return json.loads(json.dumps(made))


def properties(name: str) -> dict[str, Any]:
    return whole()["Resources"][name]["Properties"]
