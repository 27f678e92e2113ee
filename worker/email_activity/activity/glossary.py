"""What each event means and where it can be wrong, in words for whoever is asked "did my client get it?"."""

from dataclasses import dataclass

from email_activity.activity.words import words


@dataclass(frozen=True, slots=True)
class Meaning:
    """kind: as SES spells it. values: what SES puts into the event, and what we make of it."""

    kind: str
    means: str
    beware: str
    values_title: str = ""
    values: tuple[tuple[str, str], ...] = ()


#: Judged at reading, for each recipient: https://docs.aws.amazon.com/ses/latest/dg/notification-contents.html#bounce-types
BOUNCE_CLASSES = (
    ("hard", "The receiving server refused for good (Permanent): mostly a bad address; the reason says which it is."),
    ("soft", "SES gave up after retrying (Transient): full mailbox, too large, refused content, time ran out."),
    ("auto_reply", "An out-of-office or other automatic reply. The mail did reach the mailbox: no failure at all."),
    ("delayed", "The server says of this recipient: not yet delivered, still trying (its action is `delayed`)."),
    ("arrived", "The server says of this recipient: delivered, or passed on (relayed, delivered, expanded)."),
    ("suppressed_global", words("suppressed", "global_list").means),
    ("suppressed_account", words("suppressed", "account_list").means),
    ("suppressed_tenant", words("suppressed", "tenant_list").means),
    ("validation", words("suppressed", "address_check").means),
    ("unsubscribed_recipient", words("suppressed", "opted_out").means),
    ("undetermined", words("undetermined_bounce").means),
)

#: Judged at reading.
COMPLAINT_KINDS = (
    ("abuse", "Marked as spam."),
    ("fraud", "Reported as phishing or fraud."),
    ("virus", "Reported as a virus."),
    ("auth_failure", words("auth_failure").means),
    ("other", "Reported for a reason that is not on the list."),
    ("unspecified", "A complaint without its reason."),
    ("not_spam", words("not_spam").means),
    ("suppressed_account", "No new complaint: SES stopped the mail, for the address is on your account's list."),
    ("suppressed_tenant", "No new complaint: as above, on your tenant's list."),
    ("suppressed", "No new complaint: SES stopped the mail for a reason that is newer than this program."),
)

DELAY_TYPES = (
    ("MailboxFull", "The recipient's mailbox is full."),
    ("RecipientServerError", "The receiving server has trouble."),
    ("TransientCommunicationFailure", "The connection to it broke."),
    ("SpamDetected", "The receiving server holds back a lot of mail from your account."),
    ("IPFailure", "SES's sending address is blocked or slowed down there."),
    ("InternalFailure", "Trouble inside SES."),
    ("SendingDeferral", "SES itself decided to wait."),
    ("General, Undetermined", "No reason is known."),
)

VERDICTS = (
    ("person", "It looks like a person: a program for people, a computer that came back, well after the delivery."),
    ("proxy", "The mail provider's image proxy loaded it: a person perhaps."),
    (
        "machine",
        "A scanner, a robot, or images loaded ahead, as by Apple's Mail Privacy Protection: no open, no click.",
    ),
    ("unknown", "Nothing tells whether a person or a machine did it: counted by itself."),
)

#: Whose an event is (attribution.py).
ATTRIBUTIONS = (
    ("exact", "The event names a recipient of the email."),
    ("candidate", "The complaint names several recipients, and is at least one's of them."),
    ("single_destination", "The email went to one recipient only, so it is theirs."),
    ("inferred", "It names nobody, and the mail to every other recipient failed before it reached them."),
    ("ambiguous", "It names nobody, and several could be meant: it counts for the email alone."),
    ("unmatched", "It names somebody to whom this email was not sent, as a forward does."),
)

FACETS = (
    ("delivery", "How far the email came: the furthest state that was reported."),
    (
        "engagement",
        "Whether it was opened or clicked, as far as anybody can tell. No report proves that somebody read it.",
    ),
    ("consent", "What the recipient wants: complained if ever, else the latest change."),
    ("shared", "What happened to one of several recipients, and SES does not say to which."),
    ("seen", "All states that were reported, how often, and when first and last."),
)

#: Whether to send to an address; `words.toml` has the reasons.
VERDICT_CODES = (
    ("ok", "Nothing speaks against sending to the address."),
    ("risky", "The last emails to it perhaps failed: ask the recipient first."),
    ("do_not_send", "It bounced for good, is on a list, or its owner wants no mail."),
    ("unknown", "No outcome of an email to it was reported yet."),
)

#: What lists of emails may be asked for beside the states.
GROUPS = (
    (
        "not_delivered",
        "A recipient did not get it: a bounce, a do-not-send list, a virus, a template that does not fit.",
    ),
    ("still_trying", "Sent or delayed, and no outcome was reported yet."),
)

MEANINGS = (
    Meaning(
        "Send",
        "SES accepted the request and will try to deliver.",
        "It says nothing about the recipient. An address on a suppression list gets a Send too, and then a Bounce.",
    ),
    Meaning(
        "Reject",
        "SES accepted the request, found a virus in it, and did not try to deliver.",
        "It stands for the whole call, so for every recipient of it. The sending program saw no error.",
    ),
    Meaning(
        "Delivery",
        "The recipient's mail server accepted the email.",
        "The server, not the inbox: it may still end in the spam folder. A bounce may follow, for some servers "
        "accept first and refuse later; then the bounce counts.",
    ),
    Meaning(
        "Bounce",
        "Hard: refused for good. Soft: reported only once SES has stopped retrying, so usually a failure.",
        "An out-of-office reply arrives as a soft bounce although the mail reached the mailbox. It is told apart by "
        "what it lacks (any status of a server), and shown as a reply, never as a bounce. Its time may be "
        "before the Delivery's, since clocks differ. A forwarded mail may name an address you never wrote to: shown "
        "as bounced at that address (a forward or an alias), and it says nothing against the one you wrote to.",
        values_title="Bounce classes",
        values=BOUNCE_CLASSES,
    ),
    Meaning(
        "Complaint",
        "The email was delivered, and the recipient marked it as spam.",
        "Some providers, Gmail among them, never tell. Others hide who complained: SES then names every recipient "
        "of the email at that provider (attribution `candidate`). Reports that the mail is no spam, reports about "
        "authentication, and those of SES's suppression lists, are not counted as complaints.",
        values_title="Complaint kinds",
        values=COMPLAINT_KINDS,
    ),
    Meaning(
        "DeliveryDelay",
        "It could not be delivered yet, for a passing reason; SES goes on trying.",
        "Nothing says that a delay is over but the Delivery or the Bounce that ends it. Neither need be quick: SES "
        "tries for up to 14 hours unless told otherwise.",
        values_title="Delay types",
        values=DELAY_TYPES,
    ),
    Meaning(
        "Subscription",
        "The email was delivered, and the recipient changed their preferences, through the mail program's "
        "unsubscribe button or the link in the footer.",
        "It names no recipient: in an email to several it cannot be told whose it was. Some security scanners "
        "follow every link of a mail, this one too.",
    ),
    Meaning(
        "Open",
        "The email was opened in a mail program that loads images.",
        "It may be reported although nobody opened it (privacy services and scanners load images ahead), and not "
        "be reported although somebody did (images are off, or it was read as plain text). It names no recipient: "
        "send to one recipient a call, or it can only be said that one of them opened it.",
        values_title="Verdicts",
        values=VERDICTS,
    ),
    Meaning(
        "Click",
        "A link in the email was followed.",
        "Security scanners follow links that nobody clicked, and a click may go unreported: links beyond the 250th "
        "are not tracked, and a link can be copied or opened where redirects are blocked. Like an Open it names "
        "no recipient.",
        values_title="Verdicts",
        values=VERDICTS,
    ),
    Meaning(
        "Rendering Failure",
        "The email was never sent: the template and its data did not fit together.",
        "SES accepted the call, so the sending program saw no error. The message names what is missing.",
    ),
)

HOW_TO_READ = """\
delivery    the furthest that was reported, in this order: sent, delayed, arrived, delivered, soft bounced,
            undetermined bounce, suppressed, hard bounced, rejected, render failed. `arrived`: no Delivery was
            reported, but what only an arrival can cause: a complaint, an automatic reply, an open, a click, an
            unsubscribe. A further report may withdraw it, as when an open turns out to be another recipient's
engagement  none, machine, unknown, proxy opened, opened, clicked. No report proves that somebody read
consent     complained if ever; else the latest change: subscribed or unsubscribed
"""
