"""What class of bounce, and what kind of complaint? For each recipient, from what SES said of them alone."""

import pytest

from email_activity.domain.kinds import BOUNCE_CLASSES
from email_activity.ses.classification import bounce_class, complaint_kind
from events import ANA, BEN, GAVE_UP, Email, raw
from reading import of, status_of

SPELLINGS = [str, str.lower, str.upper, lambda text: f" {text}\t"]

#: Type, subtype: class
BOUNCES = {
    ("Permanent", "General"): "hard",
    ("Permanent", "NoEmail"): "hard",
    ("Permanent", "Brand New"): "hard",
    ("Permanent", "Suppressed"): "suppressed_global",
    ("Permanent", "OnAccountSuppressionList"): "suppressed_account",
    ("Permanent", "OnTenantSuppressionList"): "suppressed_tenant",
    ("Permanent", "EmailValidationSuppressed"): "validation",
    ("Permanent", "UnsubscribedRecipient"): "unsubscribed_recipient",
    ("Transient", "MailboxFull"): "soft",
    ("Transient", "Suppressed"): "soft",
    ("Temporary", "ContentRejected"): "soft",
    ("Undetermined", "Undetermined"): "undetermined",
    ("Brand New", "General"): "undetermined",
    (None, "Suppressed"): "undetermined",
    (None, None): "undetermined",
    ("Permanent", None): "hard",
}

ACTIONS = {"delayed": "delayed", "relayed": "arrived", "delivered": "arrived", "expanded": "arrived"}


def said(kind: str | None, sub_type: str | None, **words: str) -> dict[str, str]:
    given = {"bounce_type": kind, "bounce_sub_type": sub_type, **words}
    return {name: value for name, value in given.items() if value is not None}


@pytest.mark.parametrize("spell", SPELLINGS, ids=["as documented", "lower", "upper", "blanks"])
@pytest.mark.parametrize(("types", "expected"), BOUNCES.items(), ids=str)
def test_the_type_tells_the_class_and_the_subtype_tells_more(types, expected, spell):
    assert bounce_class(said(*(each and spell(each) for each in types))) == expected


@pytest.mark.parametrize("spell", SPELLINGS, ids=["as documented", "lower", "upper", "blanks"])
@pytest.mark.parametrize("types", [*BOUNCES, ("Transient", "General")], ids=str)
def test_an_action_that_is_no_failure_decides_whatever_the_type_is(types, spell):
    for action, expected in ACTIONS.items():
        assert bounce_class(said(*types, action=spell(action))) == expected


@pytest.mark.parametrize("action", ["failed", "Failed", "brand-new", ""])
@pytest.mark.parametrize(("types", "expected"), BOUNCES.items(), ids=str)
def test_a_failure_or_an_unknown_action_leaves_it_to_the_type(types, expected, action):
    assert bounce_class(said(*types, action=action)) == expected


@pytest.mark.parametrize("name", ["action", "status", "diagnostic_code"])
def test_any_word_of_a_server_makes_it_no_automatic_reply(name):
    assert bounce_class(said("Transient", "General")) == "auto_reply"
    assert bounce_class(said("Transient", "General", **{name: "x"})) == "soft"
    assert bounce_class(said("Transient", "General"), is_report=True) == "soft"


def test_every_class_has_its_place_among_the_harder_and_softer():
    assert {*BOUNCES.values(), *ACTIONS.values(), "auto_reply"} == {each.name for each in BOUNCE_CLASSES}


def test_a_complaint_is_what_its_subtype_says_else_its_feedback_type():
    expected = {
        ("OnAccountSuppressionList", "abuse"): "suppressed_account",
        ("OnTenantSuppressionList", None): "suppressed_tenant",
        ("Brand New", "not-spam"): "suppressed",
        (None, "Not-Spam"): "not_spam",
        (None, "auth-failure"): "auth_failure",
        (None, "brand-new"): "other",
        ("", None): "unspecified",
    }
    for (sub_type, feedback), kind in expected.items():
        detail = {"complaint_sub_type": sub_type, "complaint_feedback_type": feedback}
        assert complaint_kind(detail) == kind


# --- For each recipient, and of several copies ---

EMAIL = Email(to=(ANA, BEN))


def bounce_of(event: dict, **said_of_ben: str) -> dict:
    event["bounce"]["bouncedRecipients"][1] = {"emailAddress": BEN, **said_of_ben}
    return event


def states(*events: dict) -> list[str]:
    folded = status_of(map(raw, events))
    return [of(folded, each).delivery.state for each in (ANA, BEN)]


def test_of_one_notice_each_recipient_has_a_class_of_their_own():
    assert states(bounce_of(EMAIL.bounce(), action="delayed")) == ["hard_bounced", "delayed"]


def test_words_about_one_recipient_make_the_notice_a_report_for_all():
    """An automatic reply comes without a word of any server."""
    notice = bounce_of(EMAIL.bounce("Transient", "General", said=GAVE_UP))
    assert states(notice) == ["soft_bounced", "soft_bounced"]


@pytest.mark.parametrize(
    ("kind", "softer"),
    [
        ("Permanent", {"bounceType": "Transient", "bounceSubType": "MailboxFull"}),
        ("Permanent", {"bounceType": "Transient", "bounceSubType": "General"}),
        ("Permanent", {"bouncedRecipients": [{"emailAddress": ANA, "action": "delivered", "status": "2.0.0"}]}),
        ("Transient", {"bouncedRecipients": [{"emailAddress": ANA, "action": "delayed"}]}),
    ],
)
def test_a_fuller_copy_of_a_softer_type_hides_no_failure(kind, softer):
    """Whoever may publish could: same message, same feedback id, more fields, a softer type."""
    email = Email()
    event = email.bounce(kind, "General", feedback_id="one")
    forged = {**event, "bounce": {**event["bounce"], "remoteMtaIp": "192.0.2.1", "reportingMTA": "dns; x", **softer}}
    expected = states_of(event)
    assert expected in (["hard_bounced"], ["soft_bounced"])
    assert states_of(event, forged) == states_of(forged, event) == expected


def states_of(*events: dict) -> list[str]:
    return [each.delivery.state for each in status_of(map(raw, events)).recipients]


def test_the_type_that_counts_is_the_one_that_shows():
    event = Email().bounce("Permanent", "NoEmail", feedback_id="one")
    soft = {**event, "bounce": {**event["bounce"], "bounceType": "Transient", "bounceSubType": "General"}}
    (entry,) = status_of(map(raw, (event, soft))).timeline
    assert (entry.bounce_class, entry.activity.detail["bounce_sub_type"]) == ("hard", "NoEmail")


def test_words_in_one_copy_of_two_make_it_no_automatic_reply():
    email = Email()
    silent = email.bounce("Transient", "General", said=None, feedback_id="one")
    told = email.bounce("Transient", "General", said=GAVE_UP, feedback_id="one")
    assert states_of(silent, told) == states_of(told, silent) == ["soft_bounced"]


@pytest.mark.parametrize("softer", [{"complaintFeedbackType": "not-spam"}, {"complaintSubType": "Brand New"}])
def test_a_copy_of_a_complaint_takes_none_back(softer):
    event = Email().complaint(feedback_id="one")
    forged = {**event, "complaint": {**event["complaint"], **softer}}
    for bodies in ([event, forged], [forged, event]):
        (one,) = status_of(map(raw, bodies)).recipients
        assert one.consent.state == "complained"
