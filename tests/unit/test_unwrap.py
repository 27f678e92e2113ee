"""From the body of a message to the events in it, whatever the envelope."""

import json

import pytest

from email_activity.ses.unwrap import Control, Notification, Unreadable, unwrap
from events import (
    DETAIL_TYPES,
    FORMS,
    KINDS,
    TOPIC_SUBSCRIBED,
    VALIDATION_TEXT,
    Email,
    eventbridge,
    lambda_sns,
    lambda_sqs,
    nested,
    raw,
    received_mail,
    sns,
    sns_confirmation,
    sns_envelope,
)
from reading import read_all

#: The form that a message counts under is the outermost one.
OUTERMOST = {
    "raw": "raw",
    "sns": "sns",
    "sns with an object for a message": "sns",
    "eventbridge": "eventbridge",
    "lambda called by sns": "lambda",
    "lambda called by sqs": "lambda",
    "eventbridge in sns": "sns",
    "sns in sns": "sns",
    "sns in a lambda record of sqs": "lambda",
}


def only(body: str):
    (found,) = unwrap(body)
    return found


def reason(body: str) -> str:
    found = only(body)
    assert isinstance(found, Unreadable), found
    return found.error.reason


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("form", FORMS)
def test_every_kind_comes_out_of_every_form_as_ses_wrote_it(form, kind):
    event = KINDS[kind](Email())
    found = only(FORMS[form](event))
    assert isinstance(found, Notification)
    assert (found.form, found.kind, found.event) == (OUTERMOST[form], kind, event)


# --- Envelopes in envelopes ---


@pytest.mark.parametrize("envelopes", range(5))
def test_up_to_four_envelopes_are_taken_off(envelopes):
    event = Email().send()
    assert only(nested(event, envelopes)).event == event


def test_a_fifth_envelope_is_one_too_many():
    assert reason(nested(Email().send(), 5)) == "nested_too_deep"
    event = Email().delivery()
    found = only(lambda_sqs(sns(sns(eventbridge(event)))))
    assert (found.form, found.event) == ("lambda", event)


def test_a_lambda_record_of_sns_counts_as_two_envelopes():
    """The payload is one, the SNS envelope in its record another."""
    assert only(sns(sns(lambda_sns(Email().send())))).kind == "Send"
    assert reason(sns(sns(sns(lambda_sns(Email().send()))))) == "nested_too_deep"


@pytest.mark.parametrize("missing", [True, False])
def test_eventbridge_as_the_fifth_envelope_is_one_too_many(missing):
    """Also where the rule leaves out `eventType`, and the kind is read from `detail-type`."""
    event = Email().send()
    body = eventbridge({name: value for name, value in event.items() if not (missing and name == "eventType")})
    assert reason(nested(body, 4)) == "nested_too_deep"


def test_json_nested_beyond_reason_is_unreadable():
    assert reason("[" * 100_000) == "nested_too_deep"
    assert reason('{"Type": "Notification", "Message": ' + "[" * 100_000) == "nested_too_deep"


# --- Which copy was it? ---


def names_of(body: str) -> list[str | None]:
    """What each copy in a message is called, of which SQS says that it is `sqs-1`."""
    return [reading.activities[0].transport_id for reading in read_all(body)]


def test_a_copy_is_named_by_the_outermost_envelope():
    assert names_of(sns(sns(Email().send(), MessageId="inner"), MessageId="outer")) == ["outer"]
    assert names_of(eventbridge(Email().send(), id="bridge")) == ["bridge"]


@pytest.mark.parametrize("no_id", [None, "", 7, ["x"], "x" * 257])
def test_a_copy_is_named_by_sqs_where_no_envelope_names_it(no_id):
    assert names_of(sns(Email().send(), MessageId=no_id)) == names_of(raw(Email().send())) == ["sqs-1"]


def test_an_envelope_without_an_id_does_not_take_the_id_of_what_is_in_it():
    assert names_of(sns(sns(Email().send(), MessageId="inner"), MessageId=None)) == ["sqs-1"]


def test_records_of_a_lambda_payload_are_named_one_by_one():
    payload = lambda_sqs(raw(Email().send()), raw(Email().reject()))
    assert names_of(payload) == [record["messageId"] for record in json.loads(payload)["Records"]]


# --- Spellings ---


@pytest.mark.parametrize("written", ["open", "OPEN", " Open ", "Open\t"])
def test_a_kind_keeps_its_case_but_not_its_blanks(written):
    assert only(raw({**Email().open(), "eventType": written})).kind == written.strip()


@pytest.mark.parametrize(
    ("event_type", "notification_type"),
    [("Bounce", "Complaint"), *((nothing, "Bounce") for nothing in (None, "", "  ", 5, ["Bounce"]))],
)
def test_notification_type_counts_only_where_event_type_says_nothing(event_type, notification_type):
    event = {**Email().bounce(), "eventType": event_type, "notificationType": notification_type}
    assert only(raw(event)).kind == "Bounce"


@pytest.mark.parametrize(("kind", "detail_type"), DETAIL_TYPES.items())
def test_eventbridge_names_the_kind_where_the_event_does_not(kind, detail_type):
    event = KINDS[kind](Email())
    del event["eventType"]
    found = only(eventbridge(event, **{"detail-type": detail_type}))
    assert (found.form, found.kind, found.event) == ("eventbridge", kind, event)


def test_an_event_from_a_bus_is_of_a_new_kind_or_from_a_program_of_ones_own():
    event = {"mail": Email().mail(), "bounceback": {}}
    assert only(eventbridge(event, **{"detail-type": "Email Bounced Back"})).kind == "Email Bounced Back"
    assert only(eventbridge(Email().send(), source="my.relay", **{"detail-type": "ses"})).kind == "Send"


def test_a_byte_order_mark_and_blanks_around_the_json_do_no_harm():
    event = Email().send()
    assert only("\ufeff" + raw(event)).event == event
    assert only(f"\n  {raw(event)}  \n").event == event


# --- Control messages: about no email, counted and deleted ---

CONTROL = {
    "validation text": (VALIDATION_TEXT, "text", "TopicValidation"),
    "validation text with a newline": (f"{VALIDATION_TEXT}\n", "text", "TopicValidation"),
    "validation text in sns": (sns(VALIDATION_TEXT, Subject=None), "sns", "TopicValidation"),
    "validation text in sns with a newline": (sns(f"{VALIDATION_TEXT}\n"), "sns", "TopicValidation"),
    "validation text in a lambda record": (lambda_sns(VALIDATION_TEXT), "lambda", "TopicValidation"),
    "a topic set for an identity": (raw(TOPIC_SUBSCRIBED), "raw", "AmazonSnsSubscriptionSucceeded"),
    "the same in sns": (sns(TOPIC_SUBSCRIBED), "sns", "AmazonSnsSubscriptionSucceeded"),
    "subscription": (sns_confirmation("SubscriptionConfirmation"), "sns", "SubscriptionConfirmation"),
    "unsubscription": (sns_confirmation("UnsubscribeConfirmation"), "sns", "UnsubscribeConfirmation"),
    "mail received": (raw(received_mail()), "raw", "Received"),
    "mail received in sns": (sns(received_mail()), "sns", "Received"),
    "mail received, no mail object": (raw({"notificationType": "Received", "receipt": {}}), "raw", "Received"),
    "mail received, other case": (raw({"notificationType": " received "}), "raw", "Received"),
    "mail received, to a lambda function": ('{"Records": [{"ses": {"mail": {}}}]}', "lambda", "Received"),
    "sending paused": (
        eventbridge({"tenant": "acme"}, **{"detail-type": "Sending Status Disabled"}),
        "eventbridge",
        "Sending Status Disabled",
    ),
    "advice": (
        sns(eventbridge({"version": "1.0"}, **{"detail-type": "Advisor Recommendation Status Open"})),
        "sns",
        "Advisor Recommendation Status Open",
    ),
}


@pytest.mark.parametrize(("body", "form", "name"), CONTROL.values(), ids=CONTROL)
def test_a_control_message_is_counted_and_no_failure(body, form, name):
    assert only(body) == Control(form, name)


@pytest.mark.parametrize("kind", ["TEXT_SUCCESSFUL", "TEXT_DELIVERED", "MEDIA_QUEUED", "VOICE_ANSWERED", "RCS_SENT"])
def test_a_message_of_another_service_on_the_same_topic_is_no_failure(kind):
    event = {"eventType": kind, "eventVersion": "1.0", "messageId": "text-1", "destinationPhoneNumber": "+15550100"}
    assert only(raw(event)) == Control("raw", kind)
    assert only(sns(event)) == Control("sns", kind)
    by_bridge = {"source": "aws.sms-voice", "detail-type": "Text Message Delivery Status Updated"}
    assert only(eventbridge(event, **by_bridge)) == Control("eventbridge", "Text Message Delivery Status Updated")


def test_an_email_event_is_no_text_message_whatever_its_kind():
    assert only(raw({**Email().send(), "eventType": "TEXT_DELIVERED"})).kind == "TEXT_DELIVERED"


# --- The event as a JSON string ---

QUOTED = {
    "raw": lambda event: (json.dumps(json.dumps(event)), "raw"),
    "sns": lambda event: (sns(json.dumps(json.dumps(event))), "sns"),
    "eventbridge": lambda event: (eventbridge(event, detail=json.dumps(event)), "eventbridge"),
    "lambda": lambda event: (lambda_sqs(json.dumps(json.dumps(event))), "lambda"),
    "an envelope": lambda event: (json.dumps(sns(event)), "sns"),
    "eventbridge within sns": lambda event: (sns(json.dumps(eventbridge(event, detail=json.dumps(event)))), "sns"),
    "with a newline": lambda event: (json.dumps(json.dumps(event) + "\n") + "\n", "raw"),
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("how", QUOTED)
def test_one_level_of_quotes_is_taken_off(how, kind):
    event = KINDS[kind](Email())
    body, form = QUOTED[how](event)
    found = only(body)
    assert (found.form, found.kind, found.event) == (form, kind, event)


def test_an_event_that_lost_its_kind_is_named_by_eventbridge_in_quotes_too():
    event = Email().bounce()
    del event["eventType"]
    body = eventbridge(event, **{"detail-type": DETAIL_TYPES["Bounce"], "detail": json.dumps(event)})
    assert only(body).kind == "Bounce"


def test_two_levels_of_quotes_are_unreadable():
    event = Email().send()
    assert reason(json.dumps(json.dumps(json.dumps(event)))) == "not_ses"
    assert reason(sns(json.dumps(json.dumps(json.dumps(event))))) == "not_ses"
    assert reason(eventbridge(event, detail=json.dumps(json.dumps(event)))) == "not_ses"


def test_other_texts_in_quotes_are_what_they_are_without():
    assert only(json.dumps(VALIDATION_TEXT)) == Control("text", "TopicValidation")
    assert reason(json.dumps(json.dumps(Email().send())[:-9])) == "not_json"


# --- What `aws sqs receive-message` prints ---


def received(*bodies: str) -> list[dict]:
    return [
        {"MessageId": f"sqs-{number}", "ReceiptHandle": "AQEB", "MD5OfBody": "00", "Body": body}
        for number, body in enumerate(bodies)
    ]


def test_printed_messages_are_read_each_in_its_own_form():
    one, other = Email().send(), Email().bounce()
    printed = received(raw(one), sns(other, MessageId="sns-1"), "hello")
    assert only(json.dumps(printed[0])).event == one
    first, second, third = unwrap(json.dumps({"Messages": printed}, indent=4))
    assert (first.form, first.event, first.transport_id) == ("raw", one, "sqs-0")
    assert (second.form, second.event, second.transport_id) == ("sns", other, "sns-1")
    assert (third.form, third.error.reason) == ("text", "not_json")


@pytest.mark.parametrize("messages", [[], {}, "x", [{}], [None], [{"Body": 5}]])
def test_printed_messages_without_a_body_are_unreadable(messages):
    assert reason(json.dumps({"Messages": messages})) == "not_ses"


# --- What can never be a record ---

UNREADABLE = {
    "empty": ("", "not_json"),
    "words": ("hello", "not_json"),
    "half an object": (raw(Email().send())[:-9], "not_json"),
    "words in sns": (sns("hello"), "not_json"),
    "a string": ('"text"', "not_ses"),
    "the validation text as a json string": (json.dumps("hello"), "not_ses"),
    "null": ("null", "not_ses"),
    "a number": ("7", "not_ses"),
    "true": ("true", "not_ses"),
    "an array": ("[]", "not_ses"),
    "an array of events": (json.dumps([Email().send()]), "not_ses"),
    "an empty object": ("{}", "not_ses"),
    "sns without a message": (sns("", Message=None), "not_ses"),
    "sns with a number for a message": (sns("", Message=5), "not_ses"),
    "a type that sns does not have": (sns(Email().send(), Type="Gossip"), "not_ses"),
    "no records": ('{"Records": []}', "not_ses"),
    "records that are no list": ('{"Records": {}}', "not_ses"),
    "a record of storage": ('{"Records": [{"s3": {"bucket": {}}}]}', "not_ses"),
    "a record that is no object": ('{"Records": [null]}', "not_ses"),
    "eventbridge without detail": ('{"detail-type": "Email Sent", "source": "aws.ses"}', "not_ses"),
    "eventbridge without a name": ('{"detail-type": " ", "source": "aws.ses", "detail": {}}', "not_ses"),
    "eventbridge of another service": (
        '{"detail-type": "Object Created", "source": "aws.s3", "detail": {}}',
        "not_ses",
    ),
    "no kind": (raw({"mail": Email().mail()}), "not_ses"),
    "a kind that is no text": (raw({**Email().send(), "eventType": 5}), "not_ses"),
}


@pytest.mark.parametrize(("body", "expected"), UNREADABLE.values(), ids=UNREADABLE)
def test_what_is_no_event_is_unreadable_with_a_reason(body, expected):
    assert reason(body) == expected


def test_of_a_lambda_payload_the_good_records_are_read_beside_the_bad():
    event = Email().send()
    good, bad, control = unwrap(lambda_sqs(raw(event), "hello", VALIDATION_TEXT))
    assert (good.event, bad.error.reason, control.name) == (event, "not_json", "TopicValidation")


def test_no_reason_repeats_what_the_message_says():
    """Reasons are logged, and messages hold addresses."""
    for body in ('"ana@example.com"', "ana@example.com", sns("ana@example.com"), '{"ana@example.com": 1}'):
        assert "ana" not in str(only(body).error)


def test_an_sns_envelope_is_read_without_a_topic_and_as_lambda_spells_it():
    envelope = {"Type": "Notification", "Message": json.dumps(Email().send())}
    assert only(json.dumps(envelope)).kind == "Send"
    (record,) = json.loads(lambda_sns(Email().send()))["Records"]
    assert "SigningCertUrl" in record["Sns"]
    assert only(json.dumps(record["Sns"])).kind == only(json.dumps(sns_envelope(Email().send()))).kind == "Send"


def test_one_record_nested_too_deep_does_not_take_the_good_ones_along():
    good = lambda_sqs(raw(Email().send()), "[" * 100_000)
    kinds = [type(each).__name__ for each in unwrap(good)]
    assert kinds == ["Notification", "Unreadable"]
