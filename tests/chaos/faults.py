"""What may go wrong between a worker and AWS. A fault stands between a call and its answer.

proxy.fault("BatchWriteItem", throttle(), reset(), share=0.3)
"""

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from chaos.wire import Answer, Call, Hangup, Outcome, made_up


@dataclass(frozen=True, slots=True)
class Line:
    """The way on to AWS. wait: seconds, fewer if the proxy ends meanwhile."""

    forward: Callable[[Call], Outcome]
    wait: Callable[[float], object]
    chance: random.Random


@dataclass(frozen=True, slots=True)
class Fault:
    name: str
    act: Callable[[Call, Line], Outcome]


def error(code: str, status: int = 400) -> Fault:
    """Refused, and not carried out."""
    return Fault(code, lambda _call, _line: refusal(code, status))


def refusal(code: str, status: int = 400) -> Answer:
    # https://smithy.io/2.0/aws/protocols/aws-json-1_0-protocol.html#operation-error-serialization
    return made_up({"__type": f"com.amazonaws#{code}", "message": "made up by a test"}, status)


def throttle() -> Fault:
    """https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Programming.Errors.html"""
    return error("ProvisionedThroughputExceededException")


def expired_credentials() -> Fault:
    return error("ExpiredTokenException")


def denied() -> Fault:
    return error("AccessDeniedException")


def unavailable() -> Fault:
    return error("ServiceUnavailable", 503)


def internal_error() -> Fault:
    return error("InternalServerError", 500)


def reset() -> Fault:
    """The connection breaks before the call arrives."""
    return Fault("reset", lambda _call, _line: Hangup.RESET)


def refuse() -> Fault:
    """Nobody is there. (The port still listens: the connection ends as soon as it is used.)"""
    return Fault("refuse", lambda _call, _line: Hangup.CLOSE)


def lost_answer() -> Fault:
    """Carried out, but the caller never learns of it."""

    def act(call: Call, line: Line) -> Outcome:
        line.forward(call)
        return Hangup.CLOSE

    return Fault("lost_answer", act)


def hang(seconds: float) -> Fault:
    """The call arrives nowhere, and nobody says so."""

    def act(_call: Call, line: Line) -> Outcome:
        line.wait(seconds)
        return Hangup.CLOSE

    return Fault("hang", act)


def slow(seconds: float) -> Fault:
    def act(call: Call, line: Line) -> Outcome:
        line.wait(seconds)
        return line.forward(call)

    return Fault("slow", act)


def friendly_200() -> Fault:
    """What a captive or a corporate proxy says in AWS's place."""
    page = Answer(200, [("Content-Type", "text/html")], b"<html><body>Welcome! Please sign in.</body></html>")
    return Fault("friendly_200", lambda _call, _line: page)


def unprocessed(share: float) -> Fault:
    """BatchWriteItem takes a part; the rest is really not written, and comes back as UnprocessedItems."""

    def act(call: Call, line: Line) -> Outcome:
        asked = call.json()
        taken: dict[str, list[Any]] = {}
        left: dict[str, list[Any]] = {}
        for table, requests in asked["RequestItems"].items():
            for request in requests:
                (left if line.chance.random() < share else taken).setdefault(table, []).append(request)
        outcome = line.forward(call.with_json({**asked, "RequestItems": taken})) if taken else made_up({})
        if not isinstance(outcome, Answer) or not outcome.is_ok:
            return outcome
        said = outcome.json()
        for table, requests in said.get("UnprocessedItems", {}).items():
            left.setdefault(table, []).extend(requests)
        return outcome.with_json({**said, "UnprocessedItems": left})

    return Fault("unprocessed", act)


def failed(share: float) -> Fault:
    """A batch call of SQS carries out a part; the rest comes back under `Failed`."""

    def act(call: Call, line: Line) -> Outcome:
        asked = call.json()
        taken, left = _split(asked["Entries"], share, line.chance)
        outcome = line.forward(call.with_json({**asked, "Entries": taken})) if taken else made_up({"Successful": []})
        if not isinstance(outcome, Answer) or not outcome.is_ok:
            return outcome
        said = outcome.json()
        failures = [{"Id": each["Id"], "Code": "InternalError", "SenderFault": False} for each in left]
        return outcome.with_json({**said, "Failed": [*said.get("Failed", []), *failures]})

    return Fault("failed", act)


def duplicate(share: float) -> Fault:
    """ReceiveMessage gives messages that stay visible, so that another receives them too: delivery at least once."""

    def act(call: Call, line: Line) -> Outcome:
        outcome = line.forward(call)
        if not isinstance(outcome, Answer) or not outcome.is_ok:
            return outcome
        _, again = _split(outcome.json().get("Messages", []), share, line.chance)
        entries = [
            {"Id": str(number), "ReceiptHandle": each["ReceiptHandle"], "VisibilityTimeout": 0}
            for number, each in enumerate(again)
        ]
        if entries:
            shown = {"QueueUrl": call.json()["QueueUrl"], "Entries": entries}
            line.forward(call.with_json(shown, "ChangeMessageVisibilityBatch"))
        return outcome

    return Fault("duplicate", act)


def _split(entries: Sequence[Any], share: float, chance: random.Random) -> tuple[list[Any], list[Any]]:
    """Those that pass, and those that a share of bad luck takes out."""
    is_out = [chance.random() < share for _ in entries]
    return (
        [each for each, out in zip(entries, is_out, strict=True) if not out],
        [each for each, out in zip(entries, is_out, strict=True) if out],
    )
