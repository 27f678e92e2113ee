"""Whose event was it? Judged at reading, from all that is known of the email."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from email_activity.activity.attribution import NEVER_ARRIVED, attribute
from email_activity.activity.copies import merge_copies
from email_activity.activity.status import destinations_of
from email_activity.domain.facts import Activity, Document, RecipientFact
from events import ANA, BEN, CLEO, Email, as_identity_notification, raw
from reading import EVERYTHING, fold, items_of, status_of

FORWARDED = "elsewhere@example.com"


def said_of(kind: str, *events: dict) -> list[tuple[str | None, str]]:
    """Recipient and attribution of the events of this kind."""
    timeline = status_of(map(raw, events)).timeline
    return [(entry.recipient, entry.attribution) for entry in timeline if entry.activity.kind == kind]


# --- The five attributions ---


def test_an_event_that_names_a_recipient_is_exactly_theirs():
    email = Email(to=(ANA, BEN))
    assert said_of("Delivery", email.send(), email.delivery([BEN])) == [(BEN, "exact")]


def test_whatever_is_named_in_a_mail_to_one_is_theirs():
    email = Email()
    events = [email.send(), email.open(), email.click(), email.subscription(), email.bounce(recipients=[FORWARDED])]
    for kind in ("Open", "Click", "Subscription", "Bounce"):
        assert said_of(kind, *events) == [(ANA, "single_destination")]


def test_an_open_of_a_mail_to_several_is_nobodys_in_particular():
    email = Email(to=(ANA, BEN))
    for event, kind in ((email.open(), "Open"), (email.click(), "Click"), (email.subscription(), "Subscription")):
        assert said_of(kind, email.send(), event) == [(None, "ambiguous")]


@pytest.mark.parametrize("sub_type", ["General", "OnAccountSuppressionList", "Suppressed", "UnsubscribedRecipient"])
def test_an_open_is_inferred_when_all_others_have_hard_failed(sub_type):
    email = Email(to=(ANA, BEN, CLEO))
    failed = email.bounce("Permanent", sub_type, [BEN, CLEO])
    assert said_of("Open", email.send(), failed, email.open()) == [(ANA, "inferred")]


def test_an_open_is_not_inferred_while_one_more_may_have_opened():
    email = Email(to=(ANA, BEN, CLEO))
    assert said_of("Open", email.send(), email.bounce(recipients=[BEN]), email.open()) == [(None, "ambiguous")]


@pytest.mark.parametrize(
    "failure",
    [
        ("Transient", "MailboxFull"),
        ("Transient", "General"),
        ("Undetermined", "Undetermined"),
    ],
    ids="/".join,
)
def test_a_soft_failure_is_no_ground_to_infer(failure):
    email = Email(to=(ANA, BEN))
    assert said_of("Open", email.send(), email.bounce(*failure, [BEN]), email.open()) == [(None, "ambiguous")]


def test_an_automatic_reply_is_no_ground_to_infer():
    email = Email(to=(ANA, BEN))
    assert said_of("Open", email.send(), email.out_of_office([BEN]), email.open()) == [(None, "ambiguous")]


def test_a_mail_that_was_delivered_and_then_bounced_may_have_been_opened():
    email = Email(to=(ANA, BEN))
    events = [email.send(), email.delivery([BEN]), email.bounce(recipients=[BEN]), email.open()]
    assert said_of("Open", *events) == [(None, "ambiguous")]


def test_nothing_is_inferred_when_everybody_has_failed():
    email = Email(to=(ANA, BEN))
    assert said_of("Open", email.send(), email.bounce(), email.open()) == [(None, "ambiguous")]


def test_a_forwarded_address_is_unmatched_in_a_mail_to_several():
    email = Email(to=(ANA, BEN))
    assert said_of("Bounce", email.send(), email.bounce(recipients=[FORWARDED])) == [(FORWARDED, "unmatched")]


def test_an_event_that_names_a_recipient_is_theirs_while_not_all_are_known():
    """A Delivery of the first of three has come; the recipient facts of the others have not."""
    email = Email(to=(ANA, BEN, CLEO))
    identity = as_identity_notification(email.bounce(recipients=[BEN]))
    assert said_of("Bounce", email.delivery([ANA]), identity) == [(BEN, "exact")]


@pytest.mark.parametrize("named", [True, False])
def test_a_delivery_or_a_bounce_without_recipients_is_never_inferred(named):
    """Who could have opened says nothing of whose mail was delivered; and a later Delivery would take it back."""
    email = Email(to=(ANA, BEN))
    events = [email.send(), email.bounce(recipients=[BEN]), email.delivery([])]
    if named:
        events.append(email.delay(recipients=[]))
        assert said_of("DeliveryDelay", *events) == [(None, "ambiguous")]
    assert said_of("Delivery", *events) == [(None, "ambiguous")]


# --- Without recipient facts: an email of which only identity notifications came ---


def test_without_mail_facts_the_recipients_are_those_that_events_name():
    email = Email(to=(ANA, BEN))
    events = [as_identity_notification(email.delivery([each])) for each in (ANA, BEN)]
    assert said_of("Delivery", *events) == [(ANA, "exact"), (BEN, "exact")]


def test_without_mail_facts_a_bounced_address_is_the_sole_destinations():
    email = Email()
    events = [as_identity_notification(event) for event in (email.delivery(), email.bounce(recipients=[FORWARDED]))]
    assert said_of("Bounce", *events) == [(ANA, "single_destination")]


def test_without_anything_else_a_bounced_address_is_taken_at_its_word():
    assert said_of("Bounce", as_identity_notification(Email().bounce())) == [(ANA, "exact")]


def test_an_open_that_comes_alone_is_the_sole_destinations():
    email = Email()
    assert said_of("Open", email.open()) == [(ANA, "single_destination")]
    email = Email(to=(ANA, BEN))
    assert said_of("Open", email.open()) == [(None, "ambiguous")]


def test_an_open_of_which_nothing_is_known_is_nobodys():
    event = Email(tags=None, headers=None).open()
    del event["mail"]["destination"]
    assert said_of("Open", event) == [(None, "ambiguous")]


# --- Copies of one event ---

AT = datetime(2026, 11, 23, 10, tzinfo=UTC)
EVENT = Activity("id", "e1", "Bounce", AT, "event", AT, "sns", 1, recipient=ANA, sk="b")


def merged_of(copies: list[Activity]) -> list[Activity]:
    return [event.activity for event in merge_copies(copies)]


def test_copies_are_one_event_and_the_fullest_counts():
    full = replace(EVENT, subject="Your invoice", sender="full", configuration_set="x", detail={"a": 1, "b": 2}, sk="z")
    thin = replace(EVENT, sender="thin", tenant="north", detail={"a": 3, "c": 4}, sk="a")
    for copies in ([full, thin], [thin, full], [thin, thin, full, full]):
        (merged,) = merged_of(copies)
        assert (merged.subject, merged.sender, merged.tenant) == ("Your invoice", "full", "north")
        assert merged.detail == {"a": 1, "b": 2, "c": 4}


def test_of_two_copies_as_full_the_first_key_counts():
    one, other = replace(EVENT, sender="one", sk="1"), replace(EVENT, sender="other", sk="2")
    assert merged_of([one, other]) == merged_of([other, one])
    assert merged_of([other, one])[0].sender == "one"


def test_of_two_copies_as_full_that_never_were_in_the_table_the_same_one_counts():
    one, other = replace(EVENT, sender="one", sk=None), replace(EVENT, sender="other", sk=None)
    assert merged_of([one, other])[0].sender == merged_of([other, one])[0].sender


def test_how_a_copy_came_does_not_make_it_fuller():
    """Else the status would depend on which worker stored its copy last."""
    one = replace(EVENT, sender="one", sk="1", transport_id=None)
    other = replace(EVENT, sender="other", sk="2", transport_id="sns-2")
    assert merged_of([one, other])[0].sender == "one"


def test_different_events_stay_different():
    assert len(merged_of([EVENT, replace(EVENT, event_id="e2")])) == 2


def test_an_identity_notification_beside_a_configuration_sets_event_is_one_event():
    """Both publishing systems on: each bounce arrives twice."""
    event = Email().bounce()
    items = items_of([raw(event), raw(as_identity_notification(event))])
    activities = [item for item in items.values() if item["sk"].startswith("EVENT#")]
    assert len(activities) == 2
    (entry,) = fold(items.values()).timeline
    assert entry.activity.subject == "Your invoice"


# --- The order of a timeline ---


def times(*offsets: timedelta) -> list[datetime]:
    """In which order events at these times come out."""
    events = [replace(EVENT, event_id=str(number), occurred_at=AT + each) for number, each in enumerate(offsets)]
    return [entry.activity.occurred_at - AT for entry in attribute(events, [ANA])]


def test_a_timeline_is_in_order_of_time():
    early, late = timedelta(0), timedelta(seconds=1)
    assert times(late, early) == [early, late]


def test_microseconds_order_a_timeline_too():
    """As texts `.123Z` sorts after `.123456Z`."""
    early, late = timedelta(microseconds=123000), timedelta(microseconds=123456)
    assert times(late, early) == times(early, late) == [early, late]


def test_what_has_no_time_comes_first():
    untimed = replace(EVENT, event_id="e2", occurred_at=None)
    assert [entry.activity for entry in attribute([EVENT, untimed], [ANA])] == [untimed, EVENT]


def test_events_of_one_time_come_in_the_order_of_life():
    email = Email()
    at = email.after(5)
    events = [email.click(at=at), email.open(at=at), email.bounce(at=at), email.delivery(at=at), email.delay(at=at)]
    timeline = status_of(map(raw, [*events, email.reject(), email.send()])).timeline
    kinds = [entry.activity.kind for entry in timeline]
    assert kinds == ["Send", "Reject", "DeliveryDelay", "Delivery", "Bounce", "Open", "Click"]


# --- Recipient facts that disagree ---


def mail_fact(**changes) -> RecipientFact:
    return replace(RecipientFact("id", ANA, 1, Document("invoice", "7"), "acme", AT), **changes)


def test_of_mail_facts_that_disagree_the_earliest_counts():
    early, late = mail_fact(), mail_fact(sent_at=AT + timedelta(seconds=1), document=Document("invoice", "8"))
    for facts in ([early, late], [late, early]):
        assert destinations_of(facts) == {ANA: early}


def test_a_mail_fact_with_a_time_counts_before_one_without():
    timed, untimed = mail_fact(), mail_fact(sent_at=None)
    assert destinations_of([untimed, timed]) == destinations_of([timed, untimed]) == {ANA: timed}


@pytest.mark.parametrize("lacking", [{"document": None}, {"document": None, "account": None}, {"account": None}])
def test_a_mail_fact_that_tells_more_counts_before_one_that_tells_less(lacking):
    """Even before an earlier one: once it was chance whether an email kept its document."""
    full, thin = mail_fact(), mail_fact(**lacking, sent_at=AT - timedelta(seconds=1))
    for facts in ([full, thin], [thin, full]):
        assert destinations_of(facts) == {ANA: full}


def test_an_identity_notification_takes_no_document_away_where_all_mail_is_tracked():
    email = Email()
    bodies = [raw(email.send()), raw(as_identity_notification(email.bounce()))]
    folded = status_of(bodies, EVERYTHING)
    assert (folded.document, folded.account) == (Document("invoice", "2026-117"), "acme")


def test_of_mail_facts_of_one_second_always_the_same_counts():
    one, other = mail_fact(account="a"), mail_fact(account="b")
    assert destinations_of([one, other]) == destinations_of([other, one])


def test_a_rounded_second_makes_no_second_email():
    """One copy of `mail.timestamp` with milliseconds, another rounded up."""
    email = Email(sent_at=AT.replace(microsecond=600000))
    rounded = replace(email, sent_at=AT + timedelta(seconds=1))
    folded = status_of([raw(email.send()), raw(rounded.delivery())], EVERYTHING)
    assert (len(folded.recipients), folded.sent_at) == (1, AT)


@pytest.mark.parametrize("bounce_class", sorted(NEVER_ARRIVED))
def test_no_class_of_those_that_never_arrived_can_reach_an_inbox(bounce_class):
    assert bounce_class not in ("soft", "auto_reply", "undetermined")
