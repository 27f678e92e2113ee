"""From an SES event to a typed one: every field finds its place, and none is lost."""

import pytest

from email_activity.domain import kinds
from email_activity.domain.addresses import Address
from email_activity.domain.errors import MessageIdTooLongError, NoMailError, NoMessageIdError, NotSesError
from email_activity.ses.event_objects import Bounce, RenderingFailure, TimedObject
from email_activity.ses.parse import SesEvent, parse
from events import ANA, KINDS, OBJECT_KEYS, Email


def parsed(event: dict, kind: str | None = None) -> SesEvent:
    return parse(kind or event["eventType"], event)


def with_mail(**changes) -> dict:
    event = Email().send()
    return {**event, "mail": event["mail"] | changes}


def with_body(kind: str, **changes) -> dict:
    event = KINDS[kind](Email())
    key = OBJECT_KEYS[kind]
    return {**event, key: event[key] | changes}


# --- Kinds ---


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_is_read_with_nothing_left_unknown(kind):
    event = parsed(KINDS[kind](Email()))
    assert event.kind == kind
    assert event.unknown == {}
    assert type(event.body).__name__ == kind.replace(" ", "")


def test_the_ten_kinds_are_those_that_ses_publishes():
    assert {kind.name: kind.key for kind in kinds.KINDS} == OBJECT_KEYS


@pytest.mark.parametrize("spell", [str.lower, lambda kind: "".join(kind.split()).upper(), lambda kind: f"  {kind}\t"])
@pytest.mark.parametrize("kind", KINDS)
def test_a_kind_is_known_in_any_case_and_with_blanks_around(kind, spell):
    event = {**KINDS[kind](Email()), "eventType": spell(kind)}
    assert parsed(event).kind == kind
    assert parsed(event).unknown == {}


def test_the_objects_of_two_kinds_stand_under_other_names_than_the_kinds():
    """Others read `renderingFailure` and `deliverydelay`, and never saw one."""
    body = parsed(Email().rendering_failure()).body
    assert isinstance(body, RenderingFailure)
    assert (body.template_name, body.error_message[:9]) == ("invoice", "Attribute")
    assert parsed(Email().delay("SpamDetected")).body.delay_type == "SpamDetected"


def test_an_identity_notification_is_read_as_the_event_that_it_is():
    event = Email().bounce()
    event["notificationType"] = event.pop("eventType")
    assert isinstance(parsed(event, "Bounce").body, Bounce)


def test_an_unknown_kind_survives_with_its_time_and_all_its_fields():
    given = {
        "eventType": "Bulk Send",
        "mail": Email().mail(),
        "bulkSend": {"timestamp": "2026-11-23T10:00:00Z", "parts": [1, 2]},
        "extra": True,
    }
    event = parsed(given)
    assert (event.kind, type(event.body)) == ("Bulk Send", TimedObject)
    assert event.time.text == "2026-11-23T10:00:00Z"
    assert event.unknown == {"bulkSend": {"parts": [1, 2]}, "extra": True}
    assert parsed({"eventType": "Gone", "mail": Email().mail()}).kind == "Gone"


# --- Fields ---


def test_fields_newer_than_this_version_stand_under_their_own_paths():
    event = with_body("Bounce", newInBounce={"a": [1]})
    event["bounce"]["bouncedRecipients"][0]["newInRecipient"] = 1
    event["mail"] |= {"newInMail": "x"}
    event["mail"]["commonHeaders"] |= {"newInHeaders": ["y"]}
    event["newAtTop"] = {"z": 1}
    read = parsed(event)
    assert read.unknown == {
        "bounce": {"newInBounce": {"a": [1]}},
        "mail": {"newInMail": "x", "commonHeaders": {"newInHeaders": ["y"]}},
        "newAtTop": {"z": 1},
    }
    assert read.recipients[0].unknown == {"newInRecipient": 1}


#: Kind and field of its object, or of `mail`; what has another type than it should.
WRONG = (
    *(("Bounce", "bounceType", wrong) for wrong in (True, {"type": "Permanent"})),
    ("Bounce", "bouncedRecipients", 5),
    ("Bounce", "timestamp", 1700000000),
    *(("Delivery", "processingTimeMillis", wrong) for wrong in ("19 s", "9" * 39, True, 1.5)),
    ("Delivery", "recipients", True),
    ("Complaint", "arrivalDate", ["2026-11-23"]),
    ("Open", "isBotEvent", ["Likely"]),
    *(("Click", "linkTags", wrong) for wrong in (["a"], {"a": {"b": 1}})),
    ("Subscription", "newTopicPreferences", []),
    ("Subscription", "newTopicPreferences", {"unsubscribeAll": {"value": True}}),
    ("Subscription", "newTopicPreferences", {"topicSubscriptionStatus": [{"topicName": ["x"]}]}),
    ("mail", "timestamp", 5),
    *(("mail", "destination", wrong) for wrong in ({"a": 1}, 5)),
    *(("mail", "headers", wrong) for wrong in ({"X-Document-Type": "invoice"}, ["X-Document-Type: invoice"])),
    *(("mail", "headers", [wrong]) for wrong in ({"value": "b"}, {"name": "a", "value": ["b"]})),
    *(("mail", "headersTruncated", wrong) for wrong in ("perhaps", 1)),
    ("mail", "commonHeaders", ["subject"]),
    *(("mail", "tags", wrong) for wrong in (["invoice"], {"document_id": [{"value": 117}]})),
)


@pytest.mark.parametrize(("kind", "name", "wrong"), WRONG)
def test_a_field_of_another_type_is_kept_as_it_came(kind, name, wrong):
    event = with_mail(**{name: wrong}) if kind == "mail" else with_body(kind, **{name: wrong})
    assert parsed(event).unknown == {OBJECT_KEYS.get(kind, "mail"): {name: wrong}}


@pytest.mark.parametrize("wrong", ["text", 5, ["x"]])
def test_an_event_whose_object_is_none_is_kept_and_its_object_too(wrong):
    event = parsed({**Email().bounce(), "bounce": wrong})
    assert (event.kind, event.recipients, event.unknown) == ("Bounce", (), {"bounce": wrong})


def test_both_names_of_the_kind_are_kept_where_they_differ():
    event = {**Email().bounce(), "notificationType": "Complaint"}
    assert parsed(event, "Bounce").unknown == {"notificationType": "Complaint"}


@pytest.mark.parametrize("kind", KINDS)
def test_null_is_absent(kind):
    """Look-alikes send `bounce: null` beside a delivery, and null for whatever they do not know."""
    event = KINDS[kind](Email())
    nothing = {"bounce": None, "newField": None} | {OBJECT_KEYS[kind]: None} | {"mail": event["mail"] | {"tags": None}}
    read = parsed(event | nothing)
    assert (read.kind, read.mail.tags, read.unknown) == (kind, None, {})


@pytest.mark.parametrize(
    "written", ["RenderingFailure", "rendering failure", "Rendering  Failure", " RENDERINGFAILURE\t"]
)
@pytest.mark.parametrize("key", ["failure", "renderingFailure"])
def test_a_kind_may_lack_its_blank_and_its_object_may_have_the_kinds_own_name(written, key):
    given = Email().rendering_failure()
    event = parsed({"eventType": written, "mail": given["mail"], key: given["failure"]})
    assert (event.kind, event.body.template_name, event.unknown) == (
        "Rendering Failure",
        given["failure"]["templateName"],
        {},
    )


def test_null_in_a_list_or_among_the_tags_is_absent_and_takes_nothing_with_it():
    tags = {"document_type": ["invoice", None], "other": None}
    event = parsed(with_mail(tags=tags, destination=[None, "ana@example.com"]))
    assert event.mail.tags == {"document_type": ("invoice",)}
    assert event.mail.destination == (Address.of("ana@example.com"),)
    assert event.unknown == {}


@pytest.mark.parametrize(
    ("headers", "read"),
    [
        ([{"name": "A", "value": "b"}, {"name": "C", "value": None}, {"name": "D"}], (("A", "b"),)),
        (
            [{"name": "Received", "value": "1"}, {"name": "X", "value": ""}, {"name": "Received", "value": "2"}],
            (("Received", "1"), ("X", ""), ("Received", "2")),
        ),
    ],
    ids=["null for a value", "order and duplicates"],
)
def test_headers_are_kept_as_they_stand_if_they_have_a_value(headers, read):
    assert parsed(with_mail(headers=headers)).mail.headers == read


@pytest.mark.parametrize(("written", "truncated"), [(True, True), ("true", True), ("False", False), (False, False)])
def test_headers_truncated_may_be_a_boolean_or_a_text(written, truncated):
    assert parsed(with_mail(headersTruncated=written)).mail.headers_truncated is truncated


def test_a_single_text_counts_where_ses_documents_a_list():
    event = parsed(with_mail(tags={"document_type": "invoice"}, destination=ANA))
    assert (event.mail.tags, event.mail.destination) == ({"document_type": ("invoice",)}, (Address.of(ANA),))


def test_recipients_may_be_addresses_or_objects_and_keep_what_they_have():
    given = [
        "ana@example.com",
        {"emailAddress": "Ben <BEN@example.org>"},
        {"status": "5.1.1"},
        7,
        {"emailAddress": [7]},
    ]
    read = parsed(with_body("Delivery", recipients=given)).recipients
    assert [each.address and each.address.written for each in read] == [ANA, "Ben <BEN@example.org>", None, None, None]
    assert [each.normalized for each in read] == ["ana@example.com", "ben@example.org", "", "", ""]
    assert (read[2].status, read[3].unknown, read[4].unknown) == ("5.1.1", {"": 7}, {"emailAddress": [7]})


def test_fields_that_a_dsn_may_lack_may_be_missing():
    event = parsed({**Email().bounce(), "bounce": {"bouncedRecipients": [{"emailAddress": "ana@example.com"}]}})
    assert (event.recipients[0].diagnostic_code, event.body.bounce_type, event.time) == (None, None, None)


@pytest.mark.parametrize("kind", ["Send", "Reject", "Rendering Failure"])
def test_some_kinds_have_no_time_of_their_own(kind):
    assert parsed(KINDS[kind](Email())).time is None


# --- What cannot be keyed ---


@pytest.mark.parametrize("mail", [None, "text", 5, []])
def test_an_event_without_mail_can_never_be_recorded(mail):
    with pytest.raises(NoMailError):
        parsed({**Email().send(), "mail": mail})


@pytest.mark.parametrize("message_id", [None, "", "   ", True, ["x"]])
def test_an_event_without_a_message_id_can_never_be_recorded(message_id):
    with pytest.raises(NoMessageIdError):
        parsed(with_mail(messageId=message_id))


def test_a_misspelt_message_id_is_none():
    event = Email().send()
    event["mail"]["badMessageId"] = event["mail"].pop("messageId")
    with pytest.raises(NoMessageIdError):
        parsed(event)


def test_a_message_id_may_have_256_characters_and_no_more():
    assert parsed(with_mail(messageId=f" {'x' * 256}\n")).message_id == "x" * 256
    with pytest.raises(MessageIdTooLongError, match="257 characters"):
        parsed(with_mail(messageId="x" * 257))


def test_an_event_without_a_kind_is_no_event():
    with pytest.raises(NotSesError):
        parsed(Email().send(), kind="  ")
