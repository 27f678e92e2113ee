"""Why a bounce or a delay came: by the receiving server's code, then by SES's subtype, else not known."""

import pytest

from email_activity.activity.reasons import event_code
from email_activity.domain.kinds import BOUNCE_CLASSES, COMPLAINT_KINDS
from events import ANA, Email, raw
from reading import of, status_of

EMAIL = Email()

#: Type, subtype, status, diagnostic code: reason. None: SES told none.
BOUNCES = {
    # The server's code tells more than SES, which calls most of these General.
    ("Permanent", "General", "5.1.1", "smtp; 550 5.1.1 user unknown"): "no_such_address",
    ("Permanent", "General", "5.1.10", None): "no_such_address",
    ("Permanent", "NoEmail", None, None): "no_such_address",
    ("Permanent", "General", "5.1.2", None): "no_such_domain",
    ("Permanent", "General", "5.4.4", None): "no_such_domain",
    ("Transient", "General", "4.4.4", None): "no_such_domain",
    ("Permanent", "General", "5.2.1", None): "mailbox_disabled",
    ("Permanent", "General", "5.2.2", None): "mailbox_full",
    ("Transient", "General", "4.2.2", None): "mailbox_full",
    ("Transient", "MailboxFull", None, None): "mailbox_full",
    ("Permanent", "General", "5.2.3", None): "too_large",
    ("Permanent", "General", "5.3.4", None): "too_large",
    ("Transient", "MessageTooLarge", None, None): "too_large",
    ("Transient", "AttachmentRejected", None, None): "attachment_refused",
    ("Transient", "ContentRejected", None, None): "content_refused",
    ("Permanent", "General", "5.6.0", None): "content_refused",
    ("Permanent", "General", "5.7.1", "smtp; 550 5.7.1 policy"): "blocked",
    ("Permanent", "General", "5.7.26", None): "blocked",
    ("Transient", "General", "4.7.0", None): "blocked",
    # Any other code of a refusal for good: somebody decided it.
    ("Permanent", "General", "5.4.1", None): "blocked",
    ("Permanent", "General", "5.5.0", None): "blocked",
    ("Transient", "General", "4.4.7", "smtp; 550 4.4.7 Message expired"): "timed_out",
    ("Transient", "General", "4.4.1", None): "timed_out",
    ("Transient", "CustomTimeoutExceeded", None, None): "timed_out",
    # The server's words tell more than a bare class beside them.
    ("Permanent", "General", "5.0.0", "smtp; 550 5.1.1 no such user"): "no_such_address",
    ("Transient", "General", "4.0.0", "smtp; 452 4.2.2 over quota"): "mailbox_full",
    # Where both tell, an exact code counts before SES's subtype, and that before the mere subject of a code.
    ("Permanent", "NoEmail", "5.2.1", None): "mailbox_disabled",
    ("Transient", "MailboxFull", "4.7.1", None): "mailbox_full",
    # Something about the address, which so is not known to be right.
    ("Permanent", "General", "5.1.0", "smtp; 550 5.1.0 address rejected"): None,
    ("Permanent", "General", "5.1.3", None): None,
    # A class says nothing, nor do words without a code, nor what only looks like one.
    ("Permanent", "General", "5.0.0", None): None,
    ("Permanent", "General", None, None): None,
    ("Permanent", "General", None, "smtp; 550 go away"): None,
    ("Permanent", "General", None, "smtp; 550 by 10.5.1.1 or 5.1.1.7"): None,
    ("Transient", "General", "4.0.0", None): None,
    ("Transient", "General", "4.3.0", None): None,
    ("Transient", "Brand New", None, None): None,
    ("Undetermined", "Undetermined", "5.1.1", None): None,
}


def reason_of(event: dict) -> str | None:
    (entry,) = status_of([raw(event)]).timeline
    return event_code(entry)[1]


@pytest.mark.parametrize(("words", "reason"), BOUNCES.items(), ids=str)
def test_why_a_bounce_came(words, reason):
    bounce_type, subtype, status, diagnostic = words
    told = {"action": "failed", "status": status, "diagnosticCode": diagnostic}
    said = {name: value for name, value in told.items() if value}
    event = EMAIL.bounce(bounce_type, subtype, said=said)
    assert reason_of(event) == reason
    # The recipient's own status says the same as the event's row.
    evidence = of(status_of([raw(event)]), ANA).delivery.evidence
    assert evidence is not None
    assert evidence.reason == reason


@pytest.mark.parametrize("spell", [str.lower, str.upper], ids=["lower", "upper"])
def test_a_subtype_counts_in_any_case(spell):
    assert reason_of(EMAIL.bounce("Transient", spell("MailboxFull"), said={"action": "failed"})) == "mailbox_full"


LISTS = {
    "suppressed_account": "account_list",
    "suppressed_tenant": "tenant_list",
    "suppressed_global": "global_list",
    "validation": "address_check",
    "unsubscribed_recipient": "opted_out",
}


@pytest.mark.parametrize("each", [each for each in BOUNCE_CLASSES if each.delivery == "suppressed"], ids=str)
def test_which_list_stopped_it_by_the_bounce(each):
    assert reason_of(EMAIL.bounce("Permanent", each.permanent_subtype or "")) == LISTS[each.name]


@pytest.mark.parametrize("each", [each for each in COMPLAINT_KINDS if each.delivery], ids=str)
def test_which_list_stopped_it_by_the_complaint(each):
    assert reason_of(EMAIL.complaint(None, sub_type=each.subtype or "Newer")) == LISTS.get(each.name)


DELAYS = {
    "MailboxFull": "mailbox_full",
    "RecipientServerError": "server_trouble",
    "TransientCommunicationFailure": "server_trouble",
    "SpamDetected": "slowed_down",
    "IPFailure": "slowed_down",
    "SendingDeferral": "slowed_down",
    # These say nothing; the code beside them does.
    "General": "mailbox_full",
    "Undetermined": "mailbox_full",
    "InternalFailure": "mailbox_full",
}


@pytest.mark.parametrize(("delay_type", "reason"), DELAYS.items())
def test_why_a_delay_came(delay_type, reason):
    assert reason_of(EMAIL.delay(delay_type)) == reason
    untold = EMAIL.delay(delay_type)
    untold["deliveryDelay"]["delayedRecipients"] = [{"emailAddress": ANA}]
    says_itself = delay_type not in ("General", "Undetermined", "InternalFailure")
    assert reason_of(untold) == (reason if says_itself else None)


def test_the_servers_own_words_and_code_stand_beside_the_reason():
    said = {"action": "failed", "status": "5.0.0", "diagnosticCode": "smtp; 550 5.1.1 no such user"}
    evidence = of(status_of([raw(EMAIL.bounce(said=said))]), ANA).delivery.evidence
    assert evidence is not None
    assert (evidence.status_code, evidence.server_said) == ("5.1.1", said["diagnosticCode"])
    assert evidence.ses_words == "Bounce, Permanent, General"
