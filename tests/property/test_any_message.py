"""Whatever stands in the queue comes to an outcome; whatever is stored, DynamoDB takes and a reader can read."""

import json
from datetime import UTC, datetime

from hypothesis import example, given
from hypothesis import strategies as st

from email_activity.domain.errors import PermanentError, UnexpectedError
from email_activity.ses.normalize import Provenance, expiry, normalize
from email_activity.ses.parse import parse
from email_activity.ses.tracking_policy import TrackingPolicy
from email_activity.ses.unwrap import Notification, unwrap
from events import FORMS, Email, sns
from fuzz.invariants import check_item
from reading import EVERYTHING, fold, items_of, read_all
from strategies import awkward_texts, json_values, mangled

OUTCOMES = {"activity", "untracked", "expired", "control", "quarantine"}

envelopes = st.fixed_dictionaries(
    {},
    optional={
        "Type": st.sampled_from(["Notification", "SubscriptionConfirmation", "Other"]) | json_values,
        "Message": json_values | json_values.map(json.dumps),
        "MessageId": json_values,
        "detail-type": st.sampled_from(["Email Sent", "Other"]) | json_values,
        "detail": json_values,
        "source": st.just("aws.ses"),
        "Records": json_values
        | st.lists(st.fixed_dictionaries({}, optional={"Sns": json_values, "body": awkward_texts})),
        "eventType": awkward_texts | st.sampled_from(["Send", "Bounce"]),
        "mail": json_values,
    },
)


def check(body: str) -> None:
    """Each thing in it has an outcome, and none is put down to a bug of ours."""
    for policy in (TrackingPolicy(), EVERYTHING):
        for reading in read_all(body, policy):
            assert reading.outcome in OUTCOMES
            assert not isinstance(reading.error, UnexpectedError)
            assert (reading.outcome == "quarantine") == (reading.error is not None)


def check_steps(body: str) -> None:
    """The steps one by one: unwrap raises nothing, the others nothing but what says why."""
    for found in unwrap(body):
        if isinstance(found, Notification):
            try:
                event = parse(found.kind, found.event)
            except PermanentError as error:
                assert error.reason  # noqa: PT017  both ways out are good ones
            else:
                provenance = Provenance(found.form, None, datetime.now(UTC))
                normalize(event, provenance, EVERYTHING, expiry(event, provenance, EVERYTHING))


@given(st.text() | awkward_texts)
def test_any_text_has_an_outcome(text):
    check(text)
    check(sns(text))
    check_steps(text)


@given(st.binary())
@example(b"\xff\xfe{}")
@example(b"\xef\xbb\xbf{}")
def test_any_bytes_have_an_outcome(given_bytes):
    for errors in ("replace", "surrogateescape"):
        check(given_bytes.decode("utf-8", errors))


@given(json_values | envelopes)
def test_any_json_has_an_outcome(value):
    check(json.dumps(value))
    check_steps(json.dumps(value))


@given(st.integers(1, 3000), st.sampled_from(['{"Message":', '{"Type":"Notification","Message":', "[", '{"mail":']))
def test_any_depth_of_json_has_an_outcome(depth, opening):
    closing = "]" if opening == "[" else "}"
    check(opening * depth + '"x"' + closing * depth)
    nested_mail = '{"eventType":"Send","mail":{"messageId":"m","x":' + "[" * depth + "]" * depth + "}}"
    check(nested_mail)


@given(mangled(), st.sampled_from(list(FORMS)))
def test_any_event_gone_wrong_has_an_outcome(event, form):
    check(FORMS[form](event))
    check_steps(FORMS[form](event))


@given(mangled())
@example({**Email().delivery(), "delivery": {"processingTimeMillis": 10**45}})
@example({**Email().delivery(), "delivery": {"processingTimeMillis": 1.5, "recipients": ["", "a@\u00fc..example"]}})
@example(Email(to=("", "#" * 320), document_id="%" * 320, message_id="#" * 256).bounce())
def test_whatever_is_stored_is_acceptable_to_dynamodb(event):
    for item in items_of([json.dumps(event)], EVERYTHING).values():
        check_item(item)


@given(mangled())
@example({"eventType": "Open", "mail": {"messageId": "without-any-time"}})
@example({**Email().subscription(), "subscription": {"newTopicPreferences": {"topicSubscriptionStatus": True}}})
@example(Email(tags=None, subject="=?utf-7?q?+2AA-?=", headers={"X-Document-Id": "=?utf-7?q?+2AA-?="}).send())
def test_whatever_is_stored_can_be_read(event):
    """A fact that breaks its reader would hide its email for as long as it is kept."""
    items = items_of([json.dumps(event)], EVERYTHING)
    if items:
        assert fold(items.values()).timeline
