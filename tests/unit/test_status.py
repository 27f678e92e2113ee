"""What became of an email: three facets per recipient, whatever the order in which the facts came."""

from dataclasses import replace
from datetime import timedelta
from itertools import permutations

import pytest

from email_activity.activity.states import ARRIVALS, DELIVERY, ENGAGEMENT
from email_activity.activity.status import Conflict, status
from email_activity.domain.facts import Assignment, Document, read_fact
from events import (
    ANA,
    APPLE_PREFETCH,
    BEN,
    BROWSER,
    CLEO,
    GAVE_UP,
    GMAIL_PROXY,
    KINDS,
    YAHOO_PROXY,
    Email,
    as_identity_notification,
    minutes_ago,
    raw,
    topics,
    unsubscribe_all,
)
from reading import EVERYTHING, fold, items_of, of, status_of

EMAIL = Email()


def ana(*events: dict):
    return of(status_of(map(raw, events), EVERYTHING), ANA)


def delivery(*events: dict) -> str:
    return ana(*events).delivery.state


def engagement(*events: dict) -> str:
    return ana(EMAIL.send(), *events).engagement.state


def consent(*events: dict) -> str:
    return ana(EMAIL.send(), *events).consent.state


# --- Delivery ---

#: Low to high, as people are promised it. A few states can be reached in several ways.
LADDER = [
    ("sent", EMAIL.send()),
    ("delayed", EMAIL.delay()),
    ("delayed", EMAIL.bounce(said={"action": "delayed", "status": "4.0.0"})),
    ("arrived", EMAIL.out_of_office()),
    ("arrived", EMAIL.bounce(said={"action": "relayed"})),
    ("arrived", EMAIL.complaint()),
    ("arrived", EMAIL.open()),
    ("arrived", EMAIL.click()),
    ("arrived", EMAIL.subscription()),
    ("delivered", EMAIL.delivery()),
    ("soft_bounced", EMAIL.bounce("Transient", "MailboxFull")),
    ("soft_bounced", EMAIL.bounce("Transient", "General", said=GAVE_UP)),
    ("undetermined_bounce", EMAIL.bounce("Undetermined", "Undetermined")),
    ("undetermined_bounce", EMAIL.bounce("Brand New", "General")),
    ("suppressed", EMAIL.bounce("Permanent", "Suppressed")),
    ("suppressed", EMAIL.bounce("Permanent", "OnAccountSuppressionList")),
    ("suppressed", EMAIL.bounce("Permanent", "OnTenantSuppressionList")),
    ("suppressed", EMAIL.bounce("Permanent", "EmailValidationSuppressed")),
    ("suppressed", EMAIL.bounce("Permanent", "UnsubscribedRecipient")),
    ("suppressed", EMAIL.complaint(None, sub_type="OnAccountSuppressionList")),
    ("hard_bounced", EMAIL.bounce("Permanent", "General")),
    ("hard_bounced", EMAIL.bounce("Permanent", "NoEmail")),
    ("rejected", EMAIL.reject()),
    ("render_failed", EMAIL.rendering_failure()),
]


def test_the_ladder_is_the_promised_one():
    assert list(dict.fromkeys(state for state, _ in LADDER)) == list(DELIVERY)
    assert ENGAGEMENT == ("none", "machine", "unknown", "proxy_opened", "opened", "clicked")


@pytest.mark.parametrize(("state", "event"), LADDER)
def test_every_event_moves_delivery_to_its_own_state_and_nothing_lowers_it(state, event):
    assert delivery(event) == state
    for lower, other in LADDER:
        if DELIVERY.index(lower) <= DELIVERY.index(state):
            assert delivery(event, other) == delivery(other, event) == state


def test_a_bounce_after_a_delivery_keeps_both_in_sight():
    """The receiving server accepted it and refused it later; or the Delivery is the one reported later."""
    at, late = EMAIL.after(3600), EMAIL.after(9999)
    seen = ana(EMAIL.send(), EMAIL.delivery(), EMAIL.bounce(at=at)).delivery
    assert seen.state == "hard_bounced"
    assert seen.seen["delivered"].first_at == EMAIL.after(2)
    assert seen.seen["hard_bounced"].last_at == at
    assert delivery(EMAIL.bounce(at=at), EMAIL.delivery(at=late)) == "hard_bounced"


# --- Arrived, though no Delivery was reported ---

PROOFS = {
    "complaint": EMAIL.complaint(),
    "auto_reply": EMAIL.out_of_office(),
    "open": EMAIL.open(),
    "click": EMAIL.click(),
    "unsubscribe": EMAIL.subscription(),
    "delivery_status": EMAIL.bounce(said={"action": "expanded"}),
}

NO_PROOFS = {
    "a machine's open": EMAIL.open(bot="Likely"),
    "a machine's click": EMAIL.click(bot="Likely"),
    "a prefetch": EMAIL.open(APPLE_PREFETCH),
    "a proxy's open": EMAIL.open(GMAIL_PROXY),
    "a report about authentication": EMAIL.complaint("auth-failure"),
    "a report that it is no spam": EMAIL.complaint("not-spam"),
    "joining a list": EMAIL.subscription(topics(), unsubscribe_all()),
}


@pytest.mark.parametrize(("proof", "event"), PROOFS.items())
def test_what_only_an_arrival_can_cause_says_that_it_arrived_and_from_what(proof, event):
    assert set(PROOFS) == set(ARRIVALS)
    one = ana(EMAIL.send(), EMAIL.delay(), event)
    assert (one.delivery.state, one.arrived_from) == ("arrived", (proof,))
    assert one.delivery.seen["arrived"].first_at
    every = ana(*PROOFS.values(), EMAIL.open(at=EMAIL.after(9)))
    assert sorted(every.arrived_from) == sorted(PROOFS)
    assert every.delivery.seen["arrived"].count == len(PROOFS) + 1


@pytest.mark.parametrize("event", NO_PROOFS.values(), ids=NO_PROOFS)
def test_what_a_machine_or_nobody_did_proves_no_arrival(event):
    one = ana(EMAIL.send(), event)
    assert (one.delivery.state, one.arrived_from) == ("sent", ())
    assert "arrived" not in one.delivery.seen


@pytest.mark.parametrize("event", PROOFS.values(), ids=PROOFS)
def test_a_reported_delivery_needs_no_proof_and_an_arrival_hides_no_failure(event):
    one = ana(EMAIL.delivery(), event)
    assert (one.delivery.state, one.arrived_from) == ("delivered", ())
    assert "arrived" not in one.delivery.seen
    one = ana(EMAIL.bounce(), event)
    assert one.delivery.state == "hard_bounced"
    assert "arrived" in one.delivery.seen


def test_an_open_of_a_mail_to_several_proves_the_arrival_at_nobody():
    folded = status_of([raw(Email(to=(ANA, BEN)).open())])
    assert {each.delivery.state for each in [*folded.recipients, folded.shared]} == {"sent"}


def test_an_arrival_is_withdrawn_when_the_open_turns_out_to_be_anothers():
    email = Email(to=(ANA, BEN))
    events = [email.send(), email.bounce(recipients=[BEN]), email.open()]
    assert of(status_of(map(raw, events)), ANA).delivery.state == "arrived"
    assert of(status_of(map(raw, [*events, email.delivery([BEN])])), ANA).delivery.state == "sent"


def test_several_who_may_have_complained_are_candidates():
    email = Email(to=(ANA, BEN, CLEO))
    folded = status_of(map(raw, [email.send(), email.complaint(recipients=[ANA, BEN])]))
    said = [(each.recipient, each.attribution) for each in folded.timeline if each.complaint_kind]
    assert said == [(ANA, "candidate"), (BEN, "candidate")]
    assert {of(folded, each).consent.state for each in (ANA, BEN)} == {"complained"}
    assert {each.delivery.state for each in folded.recipients} == {"sent"}


def test_a_kind_that_nobody_knows_moves_nothing():
    new = {"eventType": "Brand New", "mail": EMAIL.mail(), "brandNew": {}}
    one = ana(EMAIL.delivery(), new)
    assert (one.delivery.state, one.engagement.state, one.consent.state) == ("delivered", "none", "none")
    assert len(status_of([raw(new)]).timeline) == 1


# --- Out of office ---


def test_an_out_of_office_reply_is_a_mark_and_no_bounce():
    replies = [EMAIL.out_of_office(at=EMAIL.after(seconds)) for seconds in (90, 30, 60)]
    one = ana(EMAIL.send(), EMAIL.delivery(), *replies)
    assert (one.delivery.state, one.auto_replied_at) == ("delivered", EMAIL.after(30))
    alone = ana(EMAIL.out_of_office())
    assert (alone.delivery.state, list(alone.delivery.seen)) == ("arrived", ["arrived"])
    assert alone.auto_replied_at
    assert ana(EMAIL.bounce("Transient", "General", said=GAVE_UP)).auto_replied_at is None


# --- Engagement ---

TOUCHES = [
    ("none", EMAIL.delivery()),
    ("machine", EMAIL.open(bot="Likely", at=EMAIL.after(301))),
    ("machine", EMAIL.open(APPLE_PREFETCH)),
    ("machine", EMAIL.click(bot="Likely", at=EMAIL.after(331))),
    ("unknown", EMAIL.open(at=EMAIL.after(30))),
    # Proxies fetch images, not links.
    ("unknown", EMAIL.click(agent=GMAIL_PROXY, at=EMAIL.after(340))),
    ("proxy_opened", EMAIL.open(GMAIL_PROXY)),
    ("proxy_opened", EMAIL.open(YAHOO_PROXY, bot="Unlikely")),
    ("opened", EMAIL.open(BROWSER)),
    ("clicked", EMAIL.click()),
]


@pytest.mark.parametrize(("state", "event"), TOUCHES)
def test_every_touch_moves_engagement_to_its_own_state_and_nothing_lowers_it(state, event):
    assert engagement(event) == state
    for lower, other in TOUCHES:
        if ENGAGEMENT.index(lower) <= ENGAGEMENT.index(state):
            assert engagement(event, other) == engagement(other, event) == state


def test_opens_are_counted_once_each_and_apart_from_those_of_machines():
    opens = [EMAIL.open(at=EMAIL.after(seconds)) for seconds in (1010, 1030, 1020)]
    seen = ana(EMAIL.send(), *opens, *opens, EMAIL.open(APPLE_PREFETCH)).engagement.seen
    assert (seen["opened"].count, seen["machine"].count) == (3, 1)
    assert (seen["opened"].first_at, seen["opened"].last_at) == (EMAIL.after(1010), EMAIL.after(1030))


# --- Consent ---

#: new preferences, old preferences: what they come to
PREFERENCES = {
    "from everything": (unsubscribe_all(), topics(), "unsubscribed"),
    "from everything, though a topic stays on": (
        {**topics(news="OptIn"), "unsubscribeAll": True},
        topics(news="OptIn"),
        "unsubscribed",
    ),
    "from a topic": (topics(news="OptOut"), topics(news="OptIn"), "unsubscribed"),
    "from one topic of two": (topics(a="OptOut", b="OptIn"), topics(a="OptIn", b="OptIn"), "unsubscribed"),
    "from one topic, joining another": (topics(a="OptOut", b="OptIn"), topics(a="OptIn", b="OptOut"), "unsubscribed"),
    "to a topic": (topics(news="OptIn"), topics(news="OptOut"), "subscribed"),
    "to one topic, still out of another": (
        topics(a="OptIn", b="OptOut"),
        topics(a="OptOut", b="OptOut"),
        "subscribed",
    ),
    "back to everything": (topics(), unsubscribe_all(), "subscribed"),
    "back, still out of a topic": (topics(a="OptOut"), {**topics(a="OptOut"), "unsubscribeAll": True}, "subscribed"),
    "no change, out of nothing": (topics(news="OptIn"), topics(news="OptIn"), "subscribed"),
    "no change, out of a topic": (topics(news="OptOut"), topics(news="OptOut"), "unsubscribed"),
    "other spelling": (topics(news="OPT_OUT"), topics(news="OPT_IN"), "unsubscribed"),
    "other spelling, back": (topics(news="OPT_IN"), topics(news="OPT_OUT"), "subscribed"),
    "old ones unknown": (topics(news="OptOut"), {}, "unsubscribed"),
    "nothing said": ({}, {}, "subscribed"),
    "topics in a shape of their own": (
        {"topicSubscriptionStatus": True},
        {"topicSubscriptionStatus": "x"},
        "subscribed",
    ),
    "a text for a truth": ({"unsubscribeAll": "true"}, {"unsubscribeAll": "false"}, "unsubscribed"),
    "a text for an untruth": ({"unsubscribeAll": "false"}, {"unsubscribeAll": "false"}, "subscribed"),
    "no list of topics": ({"unsubscribeAll": True, "topicSubscriptionStatus": None}, {}, "unsubscribed"),
}


@pytest.mark.parametrize(("new", "old", "expected"), PREFERENCES.values(), ids=PREFERENCES)
def test_a_change_of_preferences_is_what_changed(new, old, expected):
    assert consent(EMAIL.subscription(new, old)) == expected


def test_a_change_of_preferences_without_the_new_ones_says_nothing():
    event = EMAIL.subscription()
    del event["subscription"]["newTopicPreferences"]
    assert consent(event) == "none"


def test_the_latest_change_of_preferences_counts_in_whatever_order_it_came():
    leave = EMAIL.subscription(at=EMAIL.after(10))
    back = EMAIL.subscription(topics(), unsubscribe_all(), at=EMAIL.after(20))
    assert consent(leave, back) == consent(back, leave) == "subscribed"
    seen = ana(EMAIL.send(), back, leave).consent.seen
    assert (seen["unsubscribed"].count, seen["subscribed"].count) == (1, 1)


@pytest.mark.parametrize("feedback_type", ["abuse", "fraud", "virus", "other", None, "brand-new"])
def test_a_complaint_is_one_for_ever_and_leaves_delivery_alone(feedback_type):
    complaint = EMAIL.complaint(feedback_type, at=EMAIL.after(10))
    later = EMAIL.subscription(topics(), unsubscribe_all(), at=EMAIL.after(20))
    assert consent(complaint, later) == consent(later, complaint) == "complained"
    assert delivery(EMAIL.delivery(), complaint) == "delivered"


@pytest.mark.parametrize("feedback_type", ["not-spam", "auth-failure"])
def test_the_opposite_of_a_complaint_or_a_machines_report_is_none(feedback_type):
    one = ana(EMAIL.send(), EMAIL.complaint(feedback_type))
    assert (one.consent.state, one.delivery.state) == ("none", "sent")


@pytest.mark.parametrize("list_name", ["OnAccountSuppressionList", "OnTenantSuppressionList", "BrandNewList"])
def test_a_suppression_complaint_is_not_a_complaint(list_name):
    """SES stopped this mail because of an earlier one."""
    assert consent(EMAIL.complaint(None, sub_type=list_name)) == "none"
    assert delivery(EMAIL.complaint(None, sub_type=list_name)) == "suppressed"


# --- Of several recipients each has a status of their own ---


def test_each_recipient_has_a_status_of_their_own():
    email = Email(to=(ANA, BEN, CLEO))
    events = [
        email.send(),
        email.delivery([ANA, BEN]),
        email.bounce(recipients=[CLEO]),
        email.complaint(recipients=[BEN]),
    ]
    folded = status_of(map(raw, events))
    assert {each.recipient: (each.delivery.state, each.consent.state) for each in folded.recipients} == {
        ANA: ("delivered", "none"),
        BEN: ("delivered", "complained"),
        CLEO: ("hard_bounced", "none"),
    }
    assert (folded.shared, folded.destination_count) == (None, 3)


def test_an_open_of_a_mail_to_several_moves_the_email_and_no_recipient():
    email = Email(to=(ANA, BEN, CLEO))
    folded = status_of(map(raw, [email.send(), email.open(), email.click()]))
    assert {each.engagement.state for each in folded.recipients} == {"none"}
    assert (folded.shared.recipient, folded.shared.engagement.state) == (None, "clicked")


def test_a_forwarded_address_is_shown_and_is_no_destination():
    email = Email(to=(ANA, BEN))
    folded = status_of([raw(email.send()), raw(email.bounce(recipients=["elsewhere@example.com"]))])
    assert {each.recipient: each.is_destination for each in folded.recipients} == {
        ANA: True,
        BEN: True,
        "elsewhere@example.com": False,
    }
    assert {of(folded, each).delivery.state for each in (ANA, BEN)} == {"sent"}


def test_several_whom_ses_stopped_are_no_candidates():
    """It knows who is on its list."""
    email = Email(to=(ANA, BEN))
    folded = status_of(map(raw, [email.send(), email.complaint(None, sub_type="OnAccountSuppressionList")]))
    assert {each.attribution for each in folded.timeline if each.complaint_kind} == {"exact"}


FORWARD = "elsewhere@example.com"


SOFT_ELSEWHERE = EMAIL.bounce("Transient", "MailboxFull", ["full@example.com"], at=EMAIL.after(1))
HARD_ELSEWHERE = EMAIL.bounce(recipients=[FORWARD], at=EMAIL.after(2))


@pytest.mark.parametrize(
    ("events", "state", "bounced_at"),
    [
        ([EMAIL.send(), HARD_ELSEWHERE], "hard_bounced", FORWARD),
        ([EMAIL.send(), EMAIL.delivery(), HARD_ELSEWHERE], "delivered", FORWARD),
        # Of several addresses the hardest failure is told.
        ([EMAIL.send(), SOFT_ELSEWHERE, HARD_ELSEWHERE], "hard_bounced", FORWARD),
        # It is no bounce elsewhere if the recipient's own address bounced too.
        ([EMAIL.bounce()], "hard_bounced", None),
        ([EMAIL.delivery(), EMAIL.bounce(), HARD_ELSEWHERE], "hard_bounced", None),
        ([EMAIL.send(), EMAIL.out_of_office([FORWARD])], "arrived", None),
    ],
)
def test_a_bounce_of_a_forwarded_address_is_told_apart(events, state, bounced_at):
    for order in permutations(events):
        folded = status_of(map(raw, order))
        said = [(each.recipient, each.delivery.state, each.bounced_at) for each in folded.recipients]
        assert said == [(ANA, state, bounced_at)]
    assert ana(EMAIL.delivery(), HARD_ELSEWHERE).delivery.seen["hard_bounced"].count == 1


@pytest.mark.parametrize("said", [{"action": "delayed"}, {"action": "relayed"}])
def test_what_did_not_fail_at_a_forwarded_address_did_not_bounce_there(said):
    assert ana(EMAIL.send(), EMAIL.bounce(recipients=[FORWARD], said=said)).bounced_at is None


def test_without_a_destination_the_bounced_address_is_all_there_is():
    event = EMAIL.bounce(recipients=[FORWARD])
    del event["mail"]["destination"]
    (one,) = status_of([raw(event)]).recipients
    assert (one.recipient, one.delivery.state, one.bounced_at) == (FORWARD, "hard_bounced", None)


# --- Copies that disagree on what the email is about ---


REAL, OTHER = Document("invoice", "2026-117"), Document("invoice", "other")


@pytest.mark.parametrize(
    ("seconds", "changes", "account", "conflict"),
    [
        (0, {}, "acme", None),
        (-5, {"account": "globex"}, "globex", Conflict((), ("globex", "acme"))),
        (5, {"to": (ANA, BEN), "document_id": "other"}, "acme", Conflict((REAL, OTHER), ())),
    ],
)
def test_copies_that_disagree_are_a_conflict_that_shows_both_the_earliest_first(seconds, changes, account, conflict):
    email = Email(to=(ANA,))
    forged = replace(email, sent_at=email.sent_at + timedelta(seconds=seconds), **changes)
    folded = status_of(map(raw, (forged.send(), email.send(), as_identity_notification(email.bounce()))), EVERYTHING)
    assert (folded.document, folded.account, folded.conflict) == (REAL, account, conflict)


def test_document_and_account_are_those_of_the_earliest_over_all_recipients():
    """Whatever the order of addresses and facts."""
    early, late = Email(to=(BEN,), document_id="1", account="a"), Email(to=(ANA,), document_id="2", account="b")
    late = replace(late, message_id=early.message_id, sent_at=early.after(60))
    for events in permutations((early.send(), late.send())):
        folded = status_of(map(raw, events))
        assert (folded.document, folded.account) == (Document("invoice", "1"), "a")


# --- The email itself ---


def test_an_email_tells_its_document_account_sender_and_subject():
    email = Email(sent_at=minutes_ago(30))
    folded = status_of([raw(email.send())])
    assert (folded.email_id, folded.account) == (email.message_id, "acme")
    assert folded.document == Document("invoice", "2026-117")
    assert folded.sent_at == email.sent_at.replace(microsecond=0)
    assert (folded.sender, folded.subject) == (email.sender, "Your invoice")


def test_an_activity_without_a_document_joins_its_email():
    """An identity notification has no tags; the configuration set's events of the same email have."""
    email = Email()
    events = [email.send(), as_identity_notification(email.bounce())]
    folded = status_of(map(raw, events))
    assert folded.document == Document("invoice", "2026-117")
    assert of(folded, ANA).delivery.state == "hard_bounced"


def test_an_email_of_which_little_or_nothing_came_has_a_status_too():
    folded = status_of([raw(as_identity_notification(Email().delivery()))])
    assert (folded.document, folded.account, folded.sent_at, folded.destination_count) == (None, None, None, 1)
    assert of(folded, ANA).delivery.state == "delivered"
    folded = status("id", [])
    assert (folded.recipients, folded.shared, folded.timeline, folded.destination_count) == ((), None, (), 0)


def test_what_a_person_assigned_last_is_the_document():
    facts = [read_fact(item) for item in items_of([raw(EMAIL.send())]).values()]
    assert status(EMAIL.message_id, facts).document == Document("invoice", "2026-117")
    said = [
        Assignment(EMAIL.message_id, minutes_ago(minutes), Document("contract", str(minutes))) for minutes in (9, 3, 6)
    ]
    for order in permutations(said):
        assert status(EMAIL.message_id, [*facts, *order]).document == Document("contract", "3")


def test_events_without_any_time_are_folded_too():
    """Once such an item could be written and not be read back."""
    events = [kind(EMAIL) for kind in KINDS.values()]
    for event in events:
        event["mail"].pop("timestamp")
        for body in event.values():
            if isinstance(body, dict):
                body.pop("timestamp", None)
    one = ana(*events)
    assert one.delivery.state == "render_failed"
    assert one.delivery.seen["delivered"].first_at is None


# --- Order ---


def test_any_order_of_a_story_gives_the_same_status():
    email = Email(to=(ANA, BEN))
    story = [
        email.send(),
        email.delivery([ANA]),
        email.bounce(recipients=[BEN]),
        email.open(),
        email.subscription(at=email.after(10)),
        email.subscription(topics(), unsubscribe_all(), at=email.after(20)),
    ]
    tables = [items_of([raw(event)]) for event in story]
    expected = fold(items_of(map(raw, story)).values())
    assert expected.shared is None
    assert of(expected, ANA).engagement.state == "opened"
    for order in permutations(tables):
        table = {key: item for items in order for key, item in items.items()}
        assert fold(table.values()).recipients == expected.recipients


def test_an_email_was_sent_when_the_earliest_of_its_recipient_facts_says() -> None:
    """Whichever recipient it is of: copies of an event may round the time."""
    early = Email(to=(BEN,))
    late = replace(early, to=(ANA,), sent_at=early.sent_at + timedelta(seconds=60))
    for bodies in permutations([raw(early.send()), raw(late.send())]):
        assert status_of(bodies).sent_at == early.sent_at.replace(microsecond=0)
