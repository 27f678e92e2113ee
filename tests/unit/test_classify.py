"""What class of bounce, and what kind of complaint? For each recipient, from what SES said of them alone."""

import pytest

from email_activity.domain.kinds import BOUNCE_CLASSES
from email_activity.ses.classification import bounce_class, complaint_kind
from events import ANA, BEN, GAVE_UP, Email, raw
from reading import of, status_of

SPELLINGS = [str, str.lower, str.upper, lambda text: f" {text}\t"]

#: Type, subtype: class, of a bounce with a delivery status.
BOUNCES = {
    **{("Permanent", sub_type): "hard" for sub_type in ("General", "NoEmail", "Brand New", "", None)},
    ("Permanent", "Suppressed"): "suppressed_global",
    ("Permanent", "OnAccountSuppressionList"): "suppressed_account",
    ("Permanent", "OnTenantSuppressionList"): "suppressed_tenant",
    ("Permanent", "EmailValidationSuppressed"): "validation",
    ("Permanent", "UnsubscribedRecipient"): "unsubscribed_recipient",
    **{
        ("Transient", sub_type): "soft"
        for sub_type in (
            *("General", "MailboxFull", "MessageTooLarge", "ContentRejected", "AttachmentRejected"),
            *("CustomTimeoutExceeded", "Suppressed", "Brand New"),
        )
    },
    # Seen in old tests of others.
    ("Temporary", "General"): "soft",
    ("Temporary", "MailboxFull"): "soft",
    **{("Undetermined", sub_type): "undetermined" for sub_type in ("Undetermined", "General", "Suppressed")},
    ("Brand New", "General"): "undetermined",
    ("", ""): "undetermined",
    (None, "Suppressed"): "undetermined",
    (None, None): "undetermined",
}
MAY_BE_A_REPLY = {("Transient", "General"), ("Temporary", "General")}

ACTIONS = {"delayed": "delayed", "relayed": "arrived", "delivered": "arrived", "expanded": "arrived"}


def detail(kind: str | None, sub_type: str | None, **words: str) -> dict[str, str]:
    given = {"bounce_type": kind, "bounce_sub_type": sub_type, **words}
    return {name: value for name, value in given.items() if value is not None}


@pytest.mark.parametrize("spell", SPELLINGS, ids=["as documented", "lower", "upper", "blanks"])
@pytest.mark.parametrize(("types", "expected"), BOUNCES.items(), ids=str)
def test_action_type_and_subtype_in_any_spelling_tell_the_class(types, expected, spell):
    spelled = [each and spell(each) for each in types]
    assert bounce_class(detail(*spelled)) == ("auto_reply" if types in MAY_BE_A_REPLY else expected)
    for action in ("failed", "Failed", "brand-new"):
        assert bounce_class(detail(*spelled, action=action)) == expected
    for action, by_action in ACTIONS.items():
        assert bounce_class(detail(*spelled, action=spell(action))) == by_action


@pytest.mark.parametrize("words", [{"action": "Failed"}, {"status": "5.2.1"}, {"diagnostic_code": "x"}])
def test_any_word_of_a_server_makes_it_no_automatic_reply(words):
    assert bounce_class(detail("Transient", "General", action="")) == "auto_reply"
    assert bounce_class(detail("Transient", "General", **words)) == "soft"
    assert bounce_class(detail("Transient", "General"), is_report=True) == "soft"


def test_every_class_has_its_place_among_the_harder_and_softer():
    assert {*BOUNCES.values(), *ACTIONS.values(), "auto_reply"} == {each.name for each in BOUNCE_CLASSES}


#: Subtype, feedback type: kind of complaint.
COMPLAINTS = {
    (None, "abuse"): "abuse",
    (None, "auth-failure"): "auth_failure",
    (None, "fraud"): "fraud",
    (None, "not-spam"): "not_spam",
    (None, "other"): "other",
    (None, "virus"): "virus",
    (None, None): "unspecified",
    (None, ""): "unspecified",
    (None, "brand-new"): "other",
    ("", "abuse"): "abuse",
    ("OnAccountSuppressionList", None): "suppressed_account",
    ("OnTenantSuppressionList", None): "suppressed_tenant",
    ("BrandNewList", None): "suppressed",
    ("OnAccountSuppressionList", "abuse"): "suppressed_account",
    ("OnTenantSuppressionList", "not-spam"): "suppressed_tenant",
}


@pytest.mark.parametrize("spell", SPELLINGS, ids=["as documented", "lower", "upper", "blanks"])
@pytest.mark.parametrize(("types", "expected"), COMPLAINTS.items(), ids=str)
def test_a_complaint_is_what_its_subtype_says_else_its_feedback_type(types, expected, spell):
    sub_type, feedback_type = (each and spell(each) for each in types)
    assert complaint_kind({"complaint_sub_type": sub_type, "complaint_feedback_type": feedback_type}) == expected


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
