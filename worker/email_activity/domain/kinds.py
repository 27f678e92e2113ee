"""SES's kinds of event, the classes of a bounce and the kinds of a complaint: a row each, and a column for whatever
depends on it. Only the fields of a kind (`ses/event_objects.py`) and the words for it (`activity/words.py` and
`activity/glossary.py`) stand elsewhere. Pure.

https://docs.aws.amazon.com/ses/latest/dg/event-publishing-retrieving-sns-contents.html
https://docs.aws.amazon.com/ses/latest/dg/notification-contents.html
https://docs.aws.amazon.com/eventbridge/latest/ref/events-ref-ses.html
https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-properties-ses-configurationseteventdestination-eventdestination.html
"""

from dataclasses import dataclass
from typing import Literal

#: Whom an event of a kind is about: the recipients that it names, every destination of the call, or one of these
#: whom it does not name.
Concerns = Literal["named", "every destination", "unnamed"]


@dataclass(frozen=True, slots=True)
class Kind:
    """The defaults hold for a kind that is newer than this version."""

    #: `eventType`, as SES spells it.
    name: str
    #: Under which its object stands in the event: not always the name in lower case.
    key: str = ""
    #: EventBridge's `detail-type`.
    detail_type: str = ""
    #: As CloudFormation and SES's first API spell it.
    event_type: str = ""
    concerns: Concerns = "named"
    #: Whether the indexes `by_failure` and `by_failure_day` list it.
    is_failure: bool = False
    #: The state that it moves `delivery` to (activity/facets.py). A bounce or a complaint does by its class or kind.
    delivery: str | None = None
    #: The state that it moves `engagement` to, if a person did it.
    engagement: str | None = None


#: In the order in which events of one time are shown: a Send and a Reject both have the mail's.
KINDS = (
    Kind("Send", "send", "Email Sent", "send", concerns="every destination", delivery="sent"),
    Kind(
        name="Rendering Failure",
        key="failure",
        detail_type="Email Rendering Failed",
        event_type="renderingFailure",
        concerns="every destination",
        is_failure=True,
        delivery="render_failed",
    ),
    Kind(
        name="Reject",
        key="reject",
        detail_type="Email Rejected",
        event_type="reject",
        concerns="every destination",
        is_failure=True,
        delivery="rejected",
    ),
    Kind("DeliveryDelay", "deliveryDelay", "Email Delivery Delayed", "deliveryDelay", delivery="delayed"),
    Kind("Delivery", "delivery", "Email Delivered", "delivery", delivery="delivered"),
    Kind("Bounce", "bounce", "Email Bounced", "bounce", is_failure=True),
    Kind("Open", "open", "Email Opened", "open", concerns="unnamed", engagement="opened"),
    Kind("Click", "click", "Email Clicked", "click", concerns="unnamed", engagement="clicked"),
    Kind("Complaint", "complaint", "Email Complaint Received", "complaint", is_failure=True),
    Kind("Subscription", "subscription", "Email Subscribed", "subscription", concerns="unnamed"),
)

KIND_BY_NAME = {kind.name: kind for kind in KINDS}
KIND_BY_DETAIL_TYPE = {kind.detail_type: kind for kind in KINDS}

#: Of the events of one time.
ORDER = {kind.name: place for place, kind in enumerate(KINDS)}


def kind_named(name: str) -> Kind:
    """name: as SES spells it, or any newer one."""
    return KIND_BY_NAME.get(name) or Kind(name)


@dataclass(frozen=True, slots=True)
class BounceClass:
    """What a bounce comes to for one recipient. The first of these that holds decides: what the receiving server
    says that it did for this recipient, the subtype of a permanent bounce, the type. All in lower case.
    """

    name: str
    #: The state that it moves `delivery` to; None: no failure, but evidence of an arrival.
    delivery: str | None
    #: An action other than these (`failed`) leaves it to the type. https://www.rfc-editor.org/rfc/rfc3464#section-2.3.3
    actions: tuple[str, ...] = ()
    permanent_subtype: str | None = None
    types: tuple[str, ...] = ()


#: Softest first: of two copies of one event that disagree, the harder counts.
BOUNCE_CLASSES = (
    BounceClass("arrived", None, actions=("relayed", "delivered", "expanded")),
    BounceClass("auto_reply", None),  # ses/classification.py
    BounceClass("delayed", "delayed", actions=("delayed",)),
    BounceClass("soft", "soft_bounced", types=("transient", "temporary")),
    BounceClass("undetermined", "undetermined_bounce", types=("undetermined",)),
    BounceClass("unsubscribed_recipient", "suppressed", permanent_subtype="unsubscribedrecipient"),
    BounceClass("validation", "suppressed", permanent_subtype="emailvalidationsuppressed"),
    BounceClass("suppressed_tenant", "suppressed", permanent_subtype="ontenantsuppressionlist"),
    BounceClass("suppressed_account", "suppressed", permanent_subtype="onaccountsuppressionlist"),
    BounceClass("suppressed_global", "suppressed", permanent_subtype="suppressed"),
    BounceClass("hard", "hard_bounced", types=("permanent",)),
)

BOUNCE_CLASS_BY_NAME = {each.name: each for each in BOUNCE_CLASSES}


@dataclass(frozen=True, slots=True)
class ComplaintKind:
    """What a complaint comes to: what its subtype says, else its feedback type. Both in lower case."""

    name: str
    #: Of a feedback report (RFC 5965); None where it has none.
    feedback_type: str | None = None
    subtype: str | None = None
    #: SES stopped the mail because of an earlier complaint: `suppressed`.
    delivery: str | None = None
    #: Whether it counts as one: somebody marked the mail as spam.
    is_complaint: bool = True


#: Mildest first: of two copies of one event that disagree, the graver counts.
COMPLAINT_KINDS = (
    # A person took the mail out of the spam folder.
    ComplaintKind("not_spam", "not-spam", is_complaint=False),
    # A machine reports on SPF and DKIM. https://www.rfc-editor.org/rfc/rfc6591#section-3.1
    ComplaintKind("auth_failure", "auth-failure", is_complaint=False),
    # Any subtype that is newer than this version.
    ComplaintKind("suppressed", delivery="suppressed", is_complaint=False),
    ComplaintKind("suppressed_tenant", subtype="ontenantsuppressionlist", delivery="suppressed", is_complaint=False),
    ComplaintKind("suppressed_account", subtype="onaccountsuppressionlist", delivery="suppressed", is_complaint=False),
    ComplaintKind("unspecified"),
    # Any feedback type that is newer than this version, too.
    ComplaintKind("other", "other"),
    ComplaintKind("abuse", "abuse"),
    ComplaintKind("virus", "virus"),
    ComplaintKind("fraud", "fraud"),
)

COMPLAINT_KIND_BY_NAME = {kind.name: kind for kind in COMPLAINT_KINDS}
