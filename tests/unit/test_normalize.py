"""From an event to its facts: who it concerns, what kind of failure it is, what is tracked, what expires."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from benchmarks.stub.units import item_size
from email_activity.domain import addresses
from email_activity.domain.facts import Document
from email_activity.domain.keys import canonical_json
from email_activity.ingest.store import marshall
from email_activity.ses.interpret import InterpretedEvent, interpret
from email_activity.ses.normalize import event_id
from email_activity.ses.tracking_policy import TrackingPolicy
from events import (
    ANA,
    APPLE_PREFETCH,
    BEN,
    CLEO,
    KINDS,
    RECIPIENT_LISTS,
    REFUSED,
    Email,
    as_identity_notification,
    raw,
    stamp,
)
from reading import EVERYTHING, content_of, items_of, read_one

THREE = (ANA, BEN, CLEO)
TO_THREE = Email(to=THREE)


def detail_of(event: dict, policy: TrackingPolicy | None = None) -> dict:
    return read_one(raw(event), policy).activities[0].detail


def changed(event: dict, **mail) -> dict:
    """The event with other fields in `mail`; None takes one away."""
    fields = {name: value for name, value in (event["mail"] | mail).items() if value is not None}
    return event | {"mail": fields}


# --- Every kind, with one, several and no recipients ---


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_about_one_recipient_is_one_activity_and_one_mail_fact(kind):
    reading = read_one(raw(KINDS[kind](Email())))
    (activity,), (mail,) = reading.activities, reading.recipient_facts
    assert (reading.outcome, activity.kind, mail.recipient) == ("activity", kind, ANA)


@pytest.mark.parametrize("kind", RECIPIENT_LISTS)
def test_an_event_that_names_recipients_is_one_activity_for_each_of_them(kind):
    event = KINDS[kind](replace(TO_THREE, to=(ANA, CLEO)))
    event["mail"]["destination"] = list(THREE)
    reading = read_one(raw(event))
    assert [each.recipient for each in reading.activities] == [ANA, CLEO]
    assert [each.recipient for each in reading.recipient_facts] == [ANA, CLEO]
    assert {each.destination_count for each in reading.activities} == {3}


@pytest.mark.parametrize(
    ("kind", "named"),
    [
        *((kind, list(THREE)) for kind in ("Send", "Reject", "Rendering Failure")),
        # Never a guessed one: which of the three it was is judged at reading.
        *((kind, [None]) for kind in ("Open", "Click", "Subscription")),
    ],
)
def test_an_event_about_the_whole_call_names_all_and_another_nobody(kind, named):
    reading = read_one(raw(KINDS[kind](TO_THREE)))
    assert [each.recipient for each in reading.activities] == named
    assert [each.recipient for each in reading.recipient_facts] == list(THREE)


@pytest.mark.parametrize("named", ["empty", "absent", "null", "no address", "empty address"])
@pytest.mark.parametrize("kind", RECIPIENT_LISTS)
def test_an_event_whose_recipients_are_missing_is_one_activity_of_nobody(kind, named):
    event = KINDS[kind](TO_THREE)
    body = event[kind[0].lower() + kind[1:]]
    lists = {"empty": [], "absent": None, "null": None, "no address": [{"status": "5.0.0"}], "empty address": [""]}
    body[RECIPIENT_LISTS[kind]] = lists[named]
    if named == "absent":
        del body[RECIPIENT_LISTS[kind]]
    reading = read_one(raw(event))
    assert [each.recipient for each in reading.activities] == [None]
    assert [each.recipient for each in reading.recipient_facts] == list(THREE)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("destination", [None, []])
def test_every_kind_without_destinations_is_recorded_all_the_same(kind, destination):
    reading = read_one(raw(changed(KINDS[kind](Email()), destination=destination)))
    (activity,) = reading.activities
    named = ANA if kind in RECIPIENT_LISTS else None
    assert (activity.recipient, activity.destination_count) == (named, None)
    # A bounce may name a forwarded address, to which nobody sent the email.
    assert [each.recipient for each in reading.recipient_facts] == ([ANA] if named and kind != "Bounce" else [])


@pytest.mark.parametrize("make", [Email.send, Email.delivery])
def test_more_recipients_than_ses_takes_are_refused_before_they_cost_anything(make):
    people = [f"person{number}@example.com" for number in range(201)]
    reading = read_one(raw(make(Email(to=people))))
    assert (reading.outcome, str(reading.error)) == ("quarantine", "too_many_recipients: 201")
    reading = read_one(raw(make(Email(to=people[:200]))))
    assert [each.recipient for each in reading.activities] == people[:200]
    assert [each.recipient for each in reading.recipient_facts] == people[:200]


@pytest.mark.parametrize("to", [(ANA, f"Ana <{ANA.upper()}>"), ("", " ", ANA, "<>")])
def test_a_destination_counts_once_and_only_with_an_address(to):
    reading = read_one(raw(Email(to=to).send()))
    assert [each.recipient for each in reading.activities] == [ANA]
    assert reading.activities[0].destination_count == 1
    assert [each.recipient for each in reading.recipient_facts] == [ANA]


def test_the_address_as_written_stands_beside_the_normalized_one():
    (activity,) = read_one(raw(Email().bounce(recipients=[f"Ana <{ANA.upper()}>"]))).activities
    assert (activity.recipient, activity.recipient_as_written) == (ANA, "Ana <ANA@EXAMPLE.COM>")
    (activity,) = read_one(raw(Email().bounce())).activities
    assert activity.recipient_as_written is None


@pytest.mark.parametrize("kind", RECIPIENT_LISTS)
def test_an_event_of_a_forwarded_address_alone_is_found_by_every_recipient(kind):
    """Nobody sent this email to the address, and yet it is that email's document that did not arrive."""
    event = KINDS[kind](replace(TO_THREE, to=["elsewhere@example.com"]))
    event["mail"]["destination"] = list(THREE)
    reading = read_one(raw(event))
    assert [each.recipient for each in reading.activities] == ["elsewhere@example.com"]
    assert [each.recipient for each in reading.recipient_facts] == list(THREE)
    assert {each.document for each in reading.recipient_facts} == {Document("invoice", "2026-117")}


def test_a_forwarded_address_is_no_recipient_of_the_email():
    beside_another = TO_THREE.bounce(recipients=["elsewhere@example.com", BEN])
    assert [each.recipient for each in read_one(raw(beside_another)).recipient_facts] == [BEN]
    alone = changed(Email().bounce(recipients=["elsewhere@example.com"]), destination=None)
    assert read_one(raw(alone)).recipient_facts == ()


@pytest.mark.parametrize("make", [Email.send, Email.bounce, Email.open])
def test_an_address_is_normalized_once_where_it_is_read(make, monkeypatch):
    read = []
    monkeypatch.setattr(addresses, "normalize_address", lambda written: read.append(written) or written)
    event = make(TO_THREE)
    assert read_one(raw(event)).outcome == "activity"
    named = THREE if "bounce" in event else ()
    assert read == [*THREE, *named]


# --- What an activity tells ---


def test_an_activity_tells_what_the_event_told():
    (activity,) = read_one(raw(changed(Email(tags={"ses:tenant-name": "north"}).bounce()))).activities
    assert activity.sender == "Billing <billing@sender.example>"
    assert (activity.subject, activity.configuration_set, activity.tenant) == ("Your invoice", "tracked", "north")
    assert (activity.form, activity.transport_id, activity.aws_account) == ("raw", "sqs-1", "111122223333")
    assert activity.detail["reporting_mta"] == "dns; mail.example.com"
    assert (activity.detail["bounce_type"], activity.detail["bounce_sub_type"]) == ("Permanent", "General")
    assert {activity.detail[name] for name in ("action", "status")} == {"failed", "5.1.1"}
    assert activity.detail["diagnostic_code"] == REFUSED["diagnosticCode"]


def test_each_recipient_of_a_bounce_keeps_what_was_said_of_it():
    event = TO_THREE.bounce(recipients=[ANA, BEN])
    event["bounce"]["bouncedRecipients"][1]["status"] = "5.2.1"
    first, second = read_one(raw(event)).activities
    assert (first.detail["status"], second.detail["status"]) == ("5.1.1", "5.2.1")


def extra_of(event: dict):
    """The one extra fact of an event."""
    (extra,) = read_one(raw(event)).extras
    return extra


def test_what_nobody_knows_yet_is_kept_as_one_json_text():
    event = Email().bounce() | {"newAtTop": [1.5, 10**50]}
    event["bounce"] |= {"newInBounce": {"b": 1, "a": 2}}
    event["bounce"]["bouncedRecipients"][0] |= {"newInRecipient": "x"}
    assert extra_of(event).unknown == (
        '{"bounce":{"newInBounce":{"a":2,"b":1}},'
        f'"newAtTop":[1.5,1{"0" * 50}],'
        '"recipient":{"newInRecipient":"x"}}'
    )


def test_what_is_unknown_of_one_activity_stands_under_its_id():
    event = Email().bounce() | {"new": 1}
    (activity,), extra = read_one(raw(event)).activities, extra_of(event)
    for name in ("email_id", "event_id", "kind", "occurred_at", "expires_at"):
        assert getattr(extra, name) == getattr(activity, name)


@pytest.mark.parametrize("kind", ["Send", *RECIPIENT_LISTS])
def test_what_is_unknown_of_several_recipients_is_kept_once_under_none_of_them(kind):
    event = KINDS[kind](TO_THREE) | {"new": "x" * 76_000}
    reading = read_one(raw(event))
    (extra,) = reading.extras
    assert (extra.event_id, extra.occurred_at) == (
        event_id(reading.event, ""),
        reading.activities[0].occurred_at,
    )
    assert extra.event_id not in {each.event_id for each in reading.activities}
    assert sum(len(str(fact.to_item())) for fact in reading.facts) < len(raw(event)) + 6_000


def test_what_is_unknown_of_each_recipient_is_kept_with_its_address():
    event = TO_THREE.bounce(recipients=[ANA, BEN, CLEO])
    event["bounce"]["bouncedRecipients"][0] |= {"new": 1}
    event["bounce"]["bouncedRecipients"][2] |= {"new": 2}
    assert extra_of(event).unknown == f'{{"recipients":{{"{ANA}":{{"new":1}},"{CLEO}":{{"new":2}}}}}}'


@pytest.mark.parametrize("kind", KINDS)
def test_an_event_without_unknown_fields_has_no_extra_fact(kind):
    assert read_one(raw(KINDS[kind](TO_THREE))).extras == ()


def test_nothing_is_kept_of_the_unknown_fields_of_untracked_mail():
    assert read_one(raw(Email(document_type="contract").send() | {"new": 1})).facts == ()


# --- Tags, and whose mail it is ---


def tags_of(tags: dict[str, str], policy: TrackingPolicy | None = None) -> dict:
    return dict(read_one(raw(Email(tags=tags).send()), policy).activities[0].tags)


def test_the_senders_other_tags_and_the_address_it_went_out_from_are_kept():
    tags = {"campaign": "spring", "ses:outgoing-ip": "192.0.2.1", "ses:source-ip": "192.0.2.2"}
    assert tags_of(tags) == {"campaign": ["spring"], "ses:outgoing-ip": ["192.0.2.1"]}


def test_the_tags_that_the_operator_chose_for_the_document_are_no_others():
    policy = TrackingPolicy(document_type=("type", "X-T"), document_id=("number", "X-N"), account_id=("client", "X-C"))
    found = tags_of({"type": "invoice", "number": "5", "client": "7", "campaign": "spring"}, policy)
    assert found == {
        "campaign": ["spring"],
        "document_type": ["invoice"],
        "document_id": ["2026-117"],
        "account_id": ["acme"],
    }


def test_tags_that_do_not_fit_are_left_out_and_the_others_kept():
    """In the order of their names, whatever order a copy has them in; the address it went out from first."""
    tags = {"a": "x" * 100, "b": "x" * 100, "c": "x" * 30, "long": "x" * 300, "ses:outgoing-ip": "192.0.2.1"}
    kept = tags_of(tags)
    assert list(kept) == ["ses:outgoing-ip", "a", "c"]
    assert kept == tags_of(dict(reversed(tags.items())))


@pytest.mark.parametrize("size", [*range(170, 200), 300])
def test_the_tags_of_an_activity_have_200_bytes_at_most(size):
    tags = tags_of({"t": "x" * size})
    assert bool(tags) is (len('{"t":[""]}') + size <= 200)
    both = tags_of({"t": "x" * size, "u": "x" * (200 - size) if size < 200 else ""})
    assert len(canonical_json(both)) <= 200


@pytest.mark.parametrize("kind", KINDS)
def test_an_activity_with_all_its_tags_is_one_write_unit(kind):
    tags = {f"t{number}": "x" for number in range(99)} | {"ses:outgoing-ip": "192.0.2.1", "ses:tenant-name": "north"}
    subject = "Invoice 2026-0000117 of Sender GmbH"
    (activity,) = read_one(raw(KINDS[kind](Email(subject=subject, tags=tags)))).activities
    assert item_size(marshall(activity.to_item())) <= 1024


def test_the_subject_is_decoded_else_from_the_headers_and_can_be_left_out():
    for subject in ("=?utf-8?q?Votre_facture_=C3=A9chue?=", "Votre facture \u00e9chue"):
        event = Email(subject=subject).send()
        for read in (event, changed(event, commonHeaders=None)):
            assert read_one(raw(read)).activities[0].subject == "Votre facture \u00e9chue"
        assert read_one(raw(event), TrackingPolicy(store_subject=False)).activities[0].subject is None


def test_the_agent_the_link_and_the_word_on_bots_are_kept():
    detail = detail_of(Email().click("https://pay.example/1?t=2", APPLE_PREFETCH, bot="Likely"))
    assert detail["link"] == "https://pay.example/1?t=2"
    assert (detail["user_agent"], detail["is_bot_event"]) == ("Mozilla/5.0", "Likely")
    assert (detail["ip_address"], detail["link_tags"]) == ("198.51.100.7", {"place": ["button"]})


# --- Times ---


@pytest.mark.parametrize("kind", KINDS)
def test_an_event_counts_at_its_own_time_and_else_at_its_emails(kind):
    email = Email()
    event = KINDS[kind](email)
    (activity,) = read_one(raw(event)).activities
    key = kind[0].lower() + kind[1:]
    own = event.get(key, {}).get("timestamp")
    assert activity.occurred_at_source == ("event" if own else "mail")
    assert stamp(activity.occurred_at) == (own or stamp(email.sent_at))
    assert own or kind in ("Send", "Reject", "Rendering Failure")


def test_an_unreadable_time_is_kept_and_the_emails_own_counts():
    email = Email()
    event = email.delivery()
    event["delivery"]["timestamp"] = "soon"
    (activity,) = read_one(raw(event)).activities
    assert (activity.occurred_at, activity.occurred_at_source) == (email.sent_at, "mail")
    assert activity.detail["timestamp"] == "soon"


def test_an_event_without_any_time_never_counts_under_that_of_its_copy():
    (activity,) = read_one(raw(changed(Email().send(), timestamp=None))).activities
    assert (activity.occurred_at, activity.occurred_at_source) == (None, None)
    extra = extra_of(changed(Email().send(), timestamp="soon"))
    assert (extra.occurred_at, extra.unknown) == (None, '{"mail":{"timestamp":"soon"}}')


# --- Bounces and complaints ---


@pytest.mark.parametrize("event", [Email().bounce(), Email().out_of_office(), Email().complaint()])
def test_no_class_of_a_bounce_and_no_kind_of_a_complaint_is_stored(event):
    """They are judged at reading, so that a better rule holds for old mail too."""
    assert not {"bounce_class", "complaint_kind"} & detail_of(event).keys()


@pytest.mark.parametrize("types", [("Permanent", "NoEmail"), ("TRANSIENT", " general"), ("Brand New", "")])
def test_a_bounce_keeps_its_type_and_subtype_as_written(types):
    detail = detail_of(Email().bounce(*types))
    assert (detail.get("bounce_type", ""), detail.get("bounce_sub_type", "")) == types


def test_the_day_on_which_a_message_arrived_is_kept_in_one_spelling():
    event = Email().complaint()
    event["complaint"]["arrivalDate"] = "2026-11-23T03:00:00-07:00"
    assert detail_of(event)["arrival_date"] == "2026-11-23T10:00:00.000Z"


# --- What document, and whose ---


def mail_fact(event: dict, policy: TrackingPolicy | None = None):
    return read_one(raw(event), policy).recipient_facts[0]


def tagged(document_id: object, **headers: str) -> dict:
    event = Email(headers=headers).send()
    return changed(event, tags=event["mail"]["tags"] | {"document_id": document_id})


def with_header_names_in_capitals(event: dict) -> dict:
    return changed(event, headers=[{**each, "name": each["name"].upper()} for each in event["mail"]["headers"]])


OTHER = {"X-Document-Type": "contract", "X-Document-Id": "8", "X-Account-Id": "other"}

#: The Send of an email about invoice 2026-117 of acme, but for this; and its document's id.
DOCUMENTS = {
    "tags alone": (Email(headers=None).send(), "2026-117"),
    "headers alone": (Email(tags=None).send(), "2026-117"),
    "headers in any case": (with_header_names_in_capitals(Email(tags=None).send()), "2026-117"),
    "tags beat headers": (Email(headers=OTHER).send(), "2026-117"),
    **{f"tag of {empty}": (tagged(empty, **{"X-Document-Id": "8"}), "8") for empty in ([], [""], ["  "], ["", " "])},
    "tag of null": (tagged(None, **{"X-Document-Id": "8"}), "8"),
    "first value that says something": (tagged(["", " 9 ", "10"]), "9"),
    "encoded header": (Email(tags=None, headers={"X-Document-Id": "=?utf-8?q?2026/=C3=A9?="}).send(), "2026/\u00e9"),
    "type in lower case, id as written": (Email(document_type="INVOICE", document_id="A-7").send(), "A-7"),
    "type without id": (Email(document_id=None).send(), None),
}


@pytest.mark.parametrize(("event", "document_id"), DOCUMENTS.values(), ids=DOCUMENTS)
def test_document_and_account_are_as_tags_tell_them_else_headers(event, document_id):
    fact = mail_fact(event)
    assert fact.document == (document_id and Document("invoice", document_id))
    assert fact.account == "acme"


@pytest.mark.parametrize("charset", ["utf-7", "unicode_escape", "unknown-8bit", "rot13", "undefined", "nonsense"])
@pytest.mark.parametrize("text", ["+2AA-", "=5Cud800", "=FF", "=00"])
def test_a_header_in_any_encoding_can_be_stored(charset, text):
    """Some encodings make half a character of it, which is no UTF-8 and once broke the whole message."""
    reading = read_one(raw(Email(tags=None, headers={"X-Document-Id": f"=?{charset}?q?{text}?="}).send()))
    assert reading.outcome == "activity"
    reading.recipient_facts[0].document.id.encode()


def test_the_operator_chooses_the_tags_and_headers():
    policy = TrackingPolicy(document_type=("type", "X-T"), document_id=("number", "X-N"), account_id=("client", "X-C"))
    email = Email(tags={"type": "invoice", "number": "5", "client": "7"})
    fact = mail_fact(email.send(), policy)
    assert (fact.document, fact.account) == (Document("invoice", "5"), "7")
    headers = {"X-T": "invoice", "X-N": "6", "X-C": "8"}
    fact = mail_fact(Email(tags=None, headers=headers).send(), policy)
    assert (fact.document, fact.account) == (Document("invoice", "6"), "8")


@pytest.mark.parametrize("told", [{"document_type": ["invoice"]}, {"document_id": ["2026-117"]}])
def test_no_header_claims_an_account_where_a_tag_tells_of_the_document(told):
    """Whoever writes the email writes its headers; tags come from whoever calls SES."""
    event = changed(Email(headers={"X-Account-Id": "somebody-else"}).send(), tags=told)
    assert mail_fact(event).account is None
    assert mail_fact(changed(event, tags={**told, "account_id": ["acme"]})).account == "acme"
    assert mail_fact(changed(event, tags={})).account == "somebody-else"
    failed = changed(Email(headers={"X-Account-Id": "somebody-else"}).bounce(), tags=told)
    assert read_one(raw(failed)).activities[0].failure_account == "-"


def test_a_header_tells_the_id_of_no_other_type_than_its_own():
    policy = TrackingPolicy(tracked=frozenset({"invoice", "contract"}))
    tags = {"document_type": ["contract"]}
    event = Email(headers={"X-Document-Type": "Invoice", "X-Document-Id": "8"}).send()
    assert mail_fact(changed(event, tags=tags), policy).document is None
    event = Email(headers={"X-Document-Type": "Contract", "X-Document-Id": "8"}).send()
    assert mail_fact(changed(event, tags=tags), policy).document == Document("contract", "8")


def test_a_mail_fact_counts_in_whole_seconds():
    email = Email(sent_at=datetime(2026, 11, 23, 10, 0, 0, 999000, tzinfo=UTC))
    assert mail_fact(email.send(), EVERYTHING).sent_at == datetime(2026, 11, 23, 10, tzinfo=UTC)


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_writes_the_same_mail_fact(kind):
    """Any event can be the first to come."""
    email = Email()
    assert read_one(raw(KINDS[kind](email))).recipient_facts == read_one(raw(email.send())).recipient_facts


@pytest.mark.parametrize("kind", KINDS)
def test_only_failures_are_in_the_index_of_failures(kind):
    (activity,) = read_one(raw(KINDS[kind](Email(account="ac#me")))).activities
    is_failure = kind in ("Bounce", "Complaint", "Reject", "Rendering Failure")
    assert activity.failure_account == ("ac%23me" if is_failure else None)
    assert bool(activity.failure_time) is bool(activity.failure_day) is is_failure


def test_the_account_of_a_failure_is_told_apart_from_none():
    (activity,) = read_one(raw(as_identity_notification(Email().bounce()))).activities
    assert activity.failure_account == "-"
    (activity,) = read_one(raw(Email(account="-").bounce())).activities
    assert activity.failure_account == "%2D"


# --- What is tracked ---

#: What a carrier says of the document type: `tags` and `headers` as they stand in `mail`.
TAGS = {
    "absent": None,
    "empty": {},
    "automatic only": {"ses:configuration-set": ["tracked"]},
    "blank": {"document_type": [" "]},
    "invoice": {"document_type": ["invoice"]},
    "contract": {"document_type": ["contract"]},
    "unreadable": "invoice",
}
HEADERS = {
    "absent": None,
    "empty": [],
    "without": [{"name": "To", "value": ANA}],
    "invoice": [{"name": "x-document-type", "value": "Invoice"}],
    "contract": [{"name": "X-Document-Type", "value": "contract"}],
    "unreadable": {"X-Document-Type": "invoice"},
}
SAYS_NOTHING = {"absent", "empty", "automatic only", "blank", "without", "unreadable"}
READABLE = {"empty", "automatic only", "blank", "without"}


def expected_outcome(tags: str, headers: str, *, truncated: bool) -> str:
    said = {tags, headers} - SAYS_NOTHING
    if said:
        return "activity" if "invoice" in said else "untracked"
    both_say_none = tags in READABLE and headers in READABLE and not truncated
    return "untracked" if both_say_none else "activity"


@pytest.mark.parametrize("truncated", [False, True, None])
@pytest.mark.parametrize("headers", HEADERS)
@pytest.mark.parametrize("tags", TAGS)
def test_untracked_is_another_type_or_two_carriers_that_were_read_and_empty(tags, headers, truncated):
    event = changed(Email().send(), tags=TAGS[tags], headers=HEADERS[headers], headersTruncated=truncated)
    reading = read_one(raw(event))
    assert reading.outcome == expected_outcome(tags, headers, truncated=bool(truncated))
    says_invoice = "invoice" in (tags, headers)
    assert bool(reading.recipient_facts) is says_invoice
    assert bool(reading.activities) is (reading.outcome == "activity")


@pytest.mark.parametrize("first", ["tag", "header"])
def test_a_tracked_type_in_either_carrier_is_never_untracked_and_tags_come_first(first):
    said = {"tag": "contract", "header": "invoice"} if first == "header" else {"tag": "invoice", "header": "contract"}
    event = Email(document_type=said["tag"], headers={"X-Document-Type": said["header"]}).send()
    reading = read_one(raw(event))
    assert (reading.outcome, reading.recipient_facts[0].document) == ("activity", Document(said["tag"], "2026-117"))


def test_a_tracked_type_counts_behind_another_in_one_carrier():
    event = Email().send()
    event["mail"]["tags"]["document_type"] = ["contract", "Invoice"]
    assert read_one(raw(event)).outcome == "activity"


UNTAGGED = Email(tags={"document_type": None, "document_id": None, "account_id": None})


@pytest.mark.parametrize(
    "event",
    [
        *(as_identity_notification(make(Email())) for make in (Email.bounce, Email.complaint, Email.delivery)),
        # Kinds that carry no headers: their document may stand in those of another event of the same email.
        *(make(UNTAGGED) for make in (Email.delay, Email.rendering_failure)),
    ],
)
def test_what_lacks_its_carriers_is_kept_without_a_mail_fact(event):
    reading = read_one(raw(event))
    assert (reading.outcome, len(reading.activities), reading.recipient_facts) == ("activity", 1, ())


@pytest.mark.parametrize("kind", KINDS)
def test_a_document_of_another_type_is_untracked_in_every_kind(kind):
    assert read_one(raw(KINDS[kind](Email(document_type="contract")))).outcome == "untracked"


def test_every_type_that_the_operator_names_is_tracked():
    policy = TrackingPolicy(tracked=frozenset({"invoice", "contract"}))
    assert read_one(raw(Email(document_type="Contract").send()), policy).outcome == "activity"
    assert read_one(raw(Email(document_type="quote").send()), policy).outcome == "untracked"


@pytest.mark.parametrize("headers", HEADERS)
@pytest.mark.parametrize("tags", TAGS)
def test_where_everything_is_tracked_every_mail_has_its_fact(tags, headers):
    event = changed(Email().send(), tags=TAGS[tags], headers=HEADERS[headers])
    reading = read_one(raw(event), EVERYTHING)
    assert (reading.outcome, len(reading.recipient_facts)) == ("activity", 1)


# --- Who is believed ---

TRUSTED = TrackingPolicy(
    trusted_accounts=frozenset({"111122223333"}), trusted_configuration_sets=frozenset({"tracked"})
)


@pytest.mark.parametrize("kind", KINDS)
def test_mail_of_a_believed_account_and_configuration_set_is_recorded(kind):
    assert read_one(raw(KINDS[kind](Email())), TRUSTED).outcome == "activity"


#: Fields of the mail, and the reason.
UNTRUSTED = (
    *(
        ({"sendingAccountId": account}, f"untrusted_aws_account: {detail}")
        for account, detail in (
            ("444455556666", "444455556666"),
            (None, "it tells none"),
            ("", "it tells none"),
            (ANA, "one that AWS does not have"),
            ("11112222333\u0663", "one that AWS does not have"),
            ("111122223333\n", "one that AWS does not have"),
        )
    ),
    *(
        ({"tags": tags}, f"untrusted_configuration_set: {detail}")
        for tags, detail in (
            ({"ses:configuration-set": ["other"]}, "other"),
            ({"ses:configuration-set": ["Tracked"]}, "Tracked"),
            ({"ses:configuration-set": []}, "it tells none"),
            ({"ses:configuration-set": [ANA]}, "one that AWS does not have"),
            ({}, "it tells none"),
            (None, "it tells none"),
        )
    ),
)


@pytest.mark.parametrize(("fields", "error"), UNTRUSTED, ids=str)
def test_mail_of_another_account_or_configuration_set_or_of_none_is_quarantined(fields, error):
    event = changed(Email().send(), **fields)
    reading = read_one(raw(event), TRUSTED)
    assert (reading.outcome, str(reading.error), reading.facts) == ("quarantine", error, ())
    assert read_one(raw(event)).outcome == "activity"


def test_who_is_not_believed_cannot_have_mail_deleted_as_untracked():
    event = changed(Email(document_type="contract").send(), sendingAccountId="444455556666")
    assert read_one(raw(event), TRUSTED).outcome == "quarantine"
    assert read_one(raw(event)).outcome == "untracked"


#: What somebody who knows the id of an email and may publish could send as one more copy of its Send.
FORGED = {
    "an earlier time": lambda event: changed(event, timestamp="2026-01-01T00:00:00.000Z"),
    "one more recipient": lambda event: changed(event, destination=[ANA, CLEO]),
    "another account": lambda event: changed(event, tags=event["mail"]["tags"] | {"account_id": ["other"]}),
    "another document": lambda event: changed(event, tags=event["mail"]["tags"] | {"document_id": ["other"]}),
}


@pytest.mark.parametrize("forged", FORGED)
def test_a_forged_copy_takes_no_stored_facts_place(forged):
    """No pure rule can tell it from a true one; so both are there, for readers to show that they disagree."""
    true = Email().send()
    stored = items_of([raw(true)])
    copy = raw(FORGED[forged](true))
    for bodies in ([raw(true), copy], [copy, raw(true)]):
        after = items_of(bodies)
        assert content_of(stored).items() <= content_of(after).items()
        assert len(after) > len(stored)


@pytest.mark.parametrize("forged", FORGED)
def test_a_forged_copy_of_another_aws_account_is_stopped(forged):
    copy = changed(FORGED[forged](Email().send()), sendingAccountId="444455556666")
    assert read_one(raw(copy), TRUSTED).facts == ()


# --- What has expired ---

NOW = datetime(2026, 11, 23, 10, tzinfo=UTC)


def kept_30_days(event: dict, copy_sent: datetime | None = NOW, recorded: datetime = NOW) -> InterpretedEvent:
    """copy_sent: when its copy came to SQS."""
    policy = TrackingPolicy(retention=timedelta(days=30))
    return interpret(raw(event), policy, recorded_at=recorded, sent_at=copy_sent).main_event


def facts_at(sent: timedelta | None, **times: datetime | None) -> InterpretedEvent:
    """Of a mail sent so long before NOW."""
    event = Email(sent_at=NOW - (sent or timedelta())).send()
    if sent is None:
        del event["mail"]["timestamp"]
    return kept_30_days(event, **times)


@pytest.mark.parametrize(
    ("sent", "days_left"),
    [
        (timedelta(days=3), 27),
        # A sending in the future counts as now, and now is when SQS took the message, whatever the worker's clock says.
        (-timedelta(days=300), 30),
        (None, 30),
    ],
)
def test_facts_expire_so_long_after_the_sending(sent, days_left):
    facts = facts_at(sent, recorded=NOW + timedelta(days=200))
    expected = int((NOW + timedelta(days=days_left)).timestamp())
    assert {each.expires_at for each in (*facts.activities, *facts.recipient_facts)} == {expected}


def test_an_event_of_a_mail_without_a_time_expires_from_its_own():
    event = changed(Email(sent_at=NOW).delivery(at=NOW - timedelta(days=5)), timestamp=None)
    assert kept_30_days(event).activities[0].expires_at == int((NOW + timedelta(days=25)).timestamp())


#: How long ago it was sent, and what else is told: the outcome.
EXPIRY = (
    (timedelta(days=29, hours=23), {}, "activity"),
    (timedelta(days=30), {}, "expired"),
    (timedelta(days=31), {}, "expired"),
    # The age of mail is told by SQS, and not by a clock that may jump.
    (timedelta(days=3), {"recorded": NOW + timedelta(days=9999)}, "activity"),
    (timedelta(days=31), {"recorded": NOW - timedelta(days=9999)}, "expired"),
    (timedelta(days=9999), {"copy_sent": None}, "activity"),
)


@pytest.mark.parametrize(("sent", "times", "outcome"), EXPIRY)
def test_what_has_expired_by_sqss_clock_is_counted_and_not_recorded(sent, times, outcome):
    facts = facts_at(sent, **times)
    assert facts.outcome == outcome
    assert bool(facts.activities) is bool(facts.recipient_facts) is (outcome == "activity")


# --- Carriers with odd elements ---


@pytest.mark.parametrize(
    ("tags", "headers"),
    [
        ({"document_type": [{"value": "invoice"}], "other": ["x"]}, []),
        ({"other": ["x"]}, [{"name": "Subject", "value": "x"}, {"name": "x-document-type", "value": ["invoice"]}]),
        ({"other": ["x"]}, [{"name": "Subject", "value": "x"}, "X-Document-Type: invoice"]),
        ({"document_type": ["i" * 1_001]}, [{"name": "Subject", "value": "x"}]),
        ({"other": ["x"]}, [{"name": "X-Document-Type", "value": "i" * 1_001}]),
    ],
)
def test_mail_whose_document_type_could_not_be_read_is_not_called_untracked(tags, headers):
    event = Email().send()
    event["mail"] |= {"tags": tags, "headers": headers}
    reading = read_one(raw(event))
    assert (reading.outcome, reading.recipient_facts) == ("activity", ())


def test_an_odd_element_elsewhere_leaves_mail_untracked():
    event = Email().send()
    headers = [{"name": "Subject", "value": "x", "encoding": "utf-8"}, {"name": "To", "value": ["x"]}]
    event["mail"] |= {"tags": {"other": ["x", {}]}, "headers": headers}
    assert read_one(raw(event)).outcome == "untracked"


def test_what_is_too_long_becomes_no_key():
    event = Email(document_id="x" * 1_001, account="y" * 1_001).send()
    (fact,) = read_one(raw(event), EVERYTHING).recipient_facts
    assert (fact.document, fact.account) == (None, None)
    (fact,) = read_one(raw(Email(document_id="x" * 1_000, account="y" * 1_000).send()), EVERYTHING).recipient_facts
    assert (len(fact.document.id), len(fact.account)) == (1_000, 1_000)
