"""The table of words: whatever an event comes to has its own row, and no row says more than anybody can know."""

from datetime import timedelta
from string import Formatter
from typing import get_args

import pytest

from email_activity.activity import reasons
from email_activity.activity.answers import SES_TRIES_FOR, Context, email_with_timeline
from email_activity.activity.model import Freshness
from email_activity.activity.reasons import event_code
from email_activity.activity.states import CONSENT, DELIVERY, ENGAGEMENT
from email_activity.activity.verdicts import REASONS
from email_activity.activity.words import ICONS, VERDICTS, WORDS, Tone, VerdictCode, words
from email_activity.domain.kinds import BOUNCE_CLASSES, COMPLAINT_KINDS
from events import ANA, APPLE_PREFETCH, BEN, GMAIL_PROXY, KINDS, Email, Event, raw, topics
from reading import EVERYTHING, status_of

EMAIL = Email()
SHARED = Email(to=(ANA, BEN))

#: SES's own, of https://docs.aws.amazon.com/ses/latest/dg/notification-contents.html#bounce-types
BOUNCE_TYPES = {
    "Undetermined": ("Undetermined", "General"),
    "Permanent": (
        *("General", "NoEmail", "Suppressed", "OnAccountSuppressionList", "OnTenantSuppressionList"),
        *("UnsubscribedRecipient", "EmailValidationSuppressed"),
    ),
    "Transient": (
        *("General", "MailboxFull", "MessageTooLarge", "ContentRejected", "AttachmentRejected"),
        "CustomTimeoutExceeded",
    ),
}

#: https://docs.aws.amazon.com/ses/latest/dg/event-publishing-retrieving-sns-contents.html#event-publishing-retrieving-sns-contents-delivery-delay-object
DELAY_TYPES = (
    *("InternalFailure", "General", "MailboxFull", "SpamDetected", "RecipientServerError", "IPFailure"),
    *("TransientCommunicationFailure", "BYOIPHostNameLookupUnavailable", "Undetermined", "SendingDeferral"),
)

EVENTS: dict[str, Event] = {
    **{kind: make(EMAIL) for kind, make in KINDS.items()},
    **{
        f"Bounce {name} {subtype} {status}": EMAIL.bounce(name, subtype, said=status and {"status": status})
        for name, subtypes in BOUNCE_TYPES.items()
        for subtype in subtypes
        for status in (None, "5.1.1", "4.4.7", "5.0.0")
    },
    **{
        f"Bounce {action}": EMAIL.bounce(said={"action": action})
        for each in BOUNCE_CLASSES
        for action in (*each.actions, "failed")
    },
    **{f"Bounce elsewhere {name}": EMAIL.bounce(name, recipients=["forward@example.com"]) for name in BOUNCE_TYPES},
    **{
        f"Complaint {each.name}": EMAIL.complaint(each.feedback_type, sub_type=each.subtype) for each in COMPLAINT_KINDS
    },
    "Complaint of a newer subtype": EMAIL.complaint(None, sub_type="Newer"),
    **{f"DeliveryDelay {name}": EMAIL.delay(name) for name in DELAY_TYPES},
    **{
        f"Subscription {name}": EMAIL.subscription(new)
        for name, new in {"in": topics(a="OptIn"), "out": topics(a="OptOut"), "none": topics()}.items()
    },
    "Subscription without preferences": EMAIL.event("Subscription", {"contactList": "clients"}),
    **{f"Open by {agent}": EMAIL.open(agent) for agent in (APPLE_PREFETCH, GMAIL_PROXY, None)},
    "Click by a machine": EMAIL.click(bot="Likely"),
    **{f"{kind} of one of two": KINDS[kind](SHARED) for kind in ("Open", "Click", "Subscription")},
    "Open of one of two by a proxy": SHARED.open(GMAIL_PROXY),
    "Open of one of two by a machine": SHARED.open(APPLE_PREFETCH),
    "A newer kind": EMAIL.event("Levitation"),
}


def has_row(code: str, reason: str | None) -> bool:
    row = words(code, reason)
    return code in row.codes and row.reason == reason


@pytest.mark.parametrize("name", EVENTS)
def test_whatever_an_event_comes_to_has_a_row_of_its_own(name):
    (entry,) = status_of([raw(EVENTS[name])], EVERYTHING).timeline
    assert has_row(*event_code(entry))


def test_only_a_newer_kind_comes_to_the_row_of_what_is_not_known():
    found = {name: event_code(status_of([raw(event)], EVERYTHING).timeline[0]) for name, event in EVENTS.items()}
    assert {name for name, code in found.items() if code == ("unknown", None)} == {"A newer kind"}


@pytest.mark.parametrize("state", [*DELIVERY, *ENGAGEMENT, *CONSENT])
def test_every_state_has_a_row(state):
    assert has_row(state, None)


def test_every_reason_that_is_given_has_a_row():
    of_a_bounce = {*reasons.BY_STATUS.values(), *reasons.BY_SUBTYPE.values(), *reasons.BY_TRANSIENT_STATUS.values()}
    given = {
        **{(state, reason): None for state in ("hard_bounced", "soft_bounced") for reason in of_a_bounce},
        **{("delayed", reason): None for reason in reasons.BY_DELAY_TYPE.values()},
        **{("suppressed", reason): None for reason in reasons.BY_LIST.values()},
        ("machine", "click"): None,
    }
    assert [each for each in given if not has_row(*each)] == []


def test_every_verdict_that_is_given_has_a_row():
    nothing = {"no_outcome", "not_sent", "no_email"}
    given = {*REASONS.values(), "complained", "unsubscribed", "soft_bounces", "soft_bounce", *nothing}
    assert given == VERDICTS.keys()
    assert {each.code for each in VERDICTS.values()} == set(get_args(VerdictCode))


def test_no_label_stands_twice():
    labels = [each.label for each in (*WORDS, *VERDICTS.values())]
    assert sorted(labels) == sorted(set(labels))


@pytest.mark.parametrize("claim", ["inbox", "was read", "the recipient received"])
def test_no_label_claims_what_nobody_can_know(claim):
    assert [each.label for each in (*WORDS, *VERDICTS.values()) if claim in each.label.casefold()] == []


def test_tones_are_those_that_have_an_icon():
    assert {each.tone for each in (*WORDS, *VERDICTS.values())} == set(get_args(Tone)) == ICONS.keys()


def test_what_somebody_should_act_on_says_what_to_do():
    """A verdict without a step of its own has that of the email that decided."""
    assert [each.label for each in WORDS if each.tone == "bad" and not each.next_step] == []


def test_only_labels_have_room_to_fill():
    """`means` and `next_step` are given as they are."""
    names = {name for each in WORDS for _, name, _, _ in Formatter().parse(each.label) if name is not None}
    assert names == {"address", "count"}
    others = [text for each in WORDS for text in (each.means, each.next_step) if text]
    others += [text for each in VERDICTS.values() for text in (each.label, each.next_step) if text]
    assert [text for text in others if "{" in text] == []


NOTHING_ARRIVES = Freshness(newest_recorded_at=None, last_poll_at=None, reading=False)

CONTEXTS = {
    "at once": Context(EMAIL.sent_at + timedelta(minutes=1)),
    "after 15 hours": Context(EMAIL.sent_at + SES_TRIES_FOR + timedelta(hours=1)),
    "after 61 days": Context(EMAIL.sent_at + timedelta(days=61)),
    "not tracked": Context(EMAIL.sent_at + timedelta(days=1), opens_tracked=lambda _: False),
    "nothing arrives": Context(EMAIL.sent_at + timedelta(days=1), freshness=NOTHING_ARRIVES),
}


@pytest.mark.parametrize("context", CONTEXTS.values(), ids=CONTEXTS)
def test_no_answer_has_a_place_left_unfilled(context):
    for event in EVENTS.values():
        told = email_with_timeline(status_of([raw(event)], EVERYTHING), context).model_dump_json(
            include={"status": True, "recipients": True, "shared": True, "timeline": {"__all__": {"label", "means"}}}
        )
        assert "{address}" not in told
        assert "{count}" not in told
        assert "None" not in told


def test_every_row_is_what_some_answer_says():
    """Else it would be a word that nobody can meet."""
    said = set()
    for context in CONTEXTS.values():
        for event in (*EVENTS.values(), EMAIL.click(at=EMAIL.after(30))):
            answer = email_with_timeline(status_of([raw(event)], EVERYTHING), context)
            said |= {(each.code, each.reason) for each in answer.timeline}
            everybody = [*answer.recipients, *([answer.shared] if answer.shared else [])]
            said |= {(each.code, each.reason) for of in everybody for each in (of.status, *of.also)}
            said |= {("none", each.engagement.reason) for each in everybody if each.engagement.state == "none"}
    said |= {(code, reason) for code in ("hard_bounced", "soft_bounced") for reason in reasons.BY_STATUS.values()}
    assert [row for row in WORDS if not any((code, row.reason) in said for code in row.codes)] == []
