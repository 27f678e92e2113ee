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


# --- Of one event of an email ---

ONE, TWO, THREE = Email(), Email(to=(ANA, BEN)), Email(to=(ANA, BEN, CLEO))
NOBODY = [(None, "ambiguous")]

OPEN_OF_NOTHING_KNOWN = Email(tags=None, headers=None).open()
del OPEN_OF_NOTHING_KNOWN["mail"]["destination"]

#: Kind, the email's events: whose the event of that kind is.
CASES = {
    "a recipient is named": ("Delivery", [TWO.send(), TWO.delivery([BEN])], [(BEN, "exact")]),
    "a forwarded address of a mail to several": (
        "Bounce",
        [TWO.send(), TWO.bounce(recipients=[FORWARDED])],
        [(FORWARDED, "unmatched")],
    ),
    # A Delivery of the first of three has come; the recipient facts of the others have not.
    "a recipient is named, and not all are known": (
        "Bounce",
        [THREE.delivery([ANA]), as_identity_notification(THREE.bounce(recipients=[BEN]))],
        [(BEN, "exact")],
    ),
    "an open that comes alone": ("Open", [ONE.open()], [(ANA, "single_destination")]),
    "an open that comes alone, of a mail to several": ("Open", [TWO.open()], NOBODY),
    "an open of which nothing is known": ("Open", [OPEN_OF_NOTHING_KNOWN], NOBODY),
    # Who could have opened says nothing of whose mail was delivered; and a later Delivery would take it back.
    "a delivery that names nobody": (
        "Delivery",
        [TWO.send(), TWO.bounce(recipients=[BEN]), TWO.delivery([])],
        NOBODY,
    ),
    "a delay that names nobody": (
        "DeliveryDelay",
        [TWO.send(), TWO.bounce(recipients=[BEN]), TWO.delivery([]), TWO.delay(recipients=[])],
        NOBODY,
    ),
    # Without recipient facts: an email of which only identity notifications came.
    "recipients that only events name": (
        "Delivery",
        [as_identity_notification(TWO.delivery([each])) for each in (ANA, BEN)],
        [(ANA, "exact"), (BEN, "exact")],
    ),
    "a forwarded address, the sole recipient named by an event": (
        "Bounce",
        [as_identity_notification(event) for event in (ONE.delivery(), ONE.bounce(recipients=[FORWARDED]))],
        [(ANA, "single_destination")],
    ),
    "a bounce and nothing else": ("Bounce", [as_identity_notification(ONE.bounce())], [(ANA, "exact")]),
}


@pytest.mark.parametrize(("kind", "events", "expected"), CASES.values(), ids=CASES)
def test_an_event_belongs_to_whom_it_names_or_to_whom_nobody_else_can_be(kind, events, expected):
    assert said_of(kind, *events) == expected


@pytest.mark.parametrize("kind", ["Open", "Click", "Subscription", "Bounce"])
def test_whatever_is_named_in_a_mail_to_one_is_theirs(kind):
    events = [ONE.send(), ONE.open(), ONE.click(), ONE.subscription(), ONE.bounce(recipients=[FORWARDED])]
    assert said_of(kind, *events) == [(ANA, "single_destination")]


@pytest.mark.parametrize("kind", ["Open", "Click", "Subscription"])
def test_what_names_nobody_in_a_mail_to_several_is_nobodys_in_particular(kind):
    assert said_of(kind, TWO.send(), TWO.open(), TWO.click(), TWO.subscription()) == NOBODY


@pytest.mark.parametrize("sub_type", ["General", "OnAccountSuppressionList", "Suppressed", "UnsubscribedRecipient"])
def test_an_open_is_inferred_when_all_others_have_hard_failed(sub_type):
    failed = THREE.bounce("Permanent", sub_type, [BEN, CLEO])
    assert said_of("Open", THREE.send(), failed, THREE.open()) == [(ANA, "inferred")]


#: Of a mail to two.
NO_GROUNDS = {
    "a full mailbox": [TWO.bounce("Transient", "MailboxFull", [BEN])],
    "a soft bounce": [TWO.bounce("Transient", "General", [BEN])],
    "a bounce that nobody can read": [TWO.bounce("Undetermined", "Undetermined", [BEN])],
    "an automatic reply": [TWO.out_of_office([BEN])],
    "a bounce after a delivery": [TWO.delivery([BEN]), TWO.bounce(recipients=[BEN])],
    "everybody has failed": [TWO.bounce()],
}


@pytest.mark.parametrize("events", NO_GROUNDS.values(), ids=NO_GROUNDS)
def test_an_open_is_not_inferred_while_another_may_have_opened_or_nobody_can(events):
    assert said_of("Open", TWO.send(), *events, TWO.open()) == NOBODY
    assert said_of("Open", THREE.send(), THREE.bounce(recipients=[BEN]), THREE.open()) == NOBODY


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
    assert len(merged_of([EVENT, replace(EVENT, event_id="e2")])) == 2


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ({"sk": "1"}, {"sk": "2"}),
        # How a copy came does not make it fuller: else the status would depend on who stored its copy last.
        ({"sk": "1"}, {"sk": "2", "transport_id": "sns-2"}),
        # These never were in the table.
        ({"sk": None}, {"sk": None}),
    ],
)
def test_of_two_copies_as_full_the_first_key_counts(first, second):
    one, other = replace(EVENT, sender="one", **first), replace(EVENT, sender="other", **second)
    senders = {merged_of(copies)[0].sender for copies in ([one, other], [other, one])}
    assert senders == {"one"} if first["sk"] else len(senders) == 1


def test_an_identity_notification_and_a_configuration_sets_event_are_one():
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


def test_a_timeline_is_in_order_of_time_to_the_microsecond():
    """As texts `.123Z` sorts after `.123456Z`."""
    for early, late in ((0, 1_000_000), (123_000, 123_456)):
        in_order = [timedelta(microseconds=early), timedelta(microseconds=late)]
        assert times(*in_order) == times(*reversed(in_order)) == in_order


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


def recipient_fact(**changes) -> RecipientFact:
    return replace(RecipientFact("id", ANA, 1, Document("invoice", "7"), "acme", AT), **changes)


@pytest.mark.parametrize(
    "lesser",
    [
        {"sent_at": AT + timedelta(seconds=1), "document": Document("invoice", "8")},
        {"sent_at": None},
        # One that tells less, even if it is earlier: once it was chance whether an email kept its document.
        *(
            {"sent_at": AT - timedelta(seconds=1), **dict.fromkeys(lacking)}
            for lacking in (["document"], ["account"], ["document", "account"])
        ),
    ],
)
def test_of_recipient_facts_that_disagree_the_earliest_that_tells_most_counts(lesser):
    first, second = recipient_fact(), recipient_fact(**lesser)
    assert destinations_of([first, second]) == destinations_of([second, first]) == {ANA: first}


def test_an_identity_notification_takes_no_document_away():
    email = Email()
    bodies = [raw(email.send()), raw(as_identity_notification(email.bounce()))]
    folded = status_of(bodies, EVERYTHING)
    assert (folded.document, folded.account) == (Document("invoice", "2026-117"), "acme")


def test_of_recipient_facts_of_one_second_always_the_same_counts():
    one, other = recipient_fact(account="a"), recipient_fact(account="b")
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
