"""Messages that are about no email sent: what comes when a topic is set up, mail received, text messages. Pure.

They are counted and deleted.
"""

import re
from collections.abc import Mapping
from typing import Any

SNS_CONFIRMATIONS = frozenset({"SubscriptionConfirmation", "UnsubscribeConfirmation"})

#: SES sends this text whenever an event destination is made or changed.
VALIDATION_TEXT = "Successfully validated SNS topic for Amazon SES"
TOPIC_VALIDATION = "TopicValidation"

#: A topic was set for an identity; mail was received.
NOTIFICATIONS = {
    "amazonsnssubscriptionsucceeded": "AmazonSnsSubscriptionSucceeded",
    "received": "Received",
}

#: Text, media, voice and RCS messages of AWS End User Messaging, which may share the topic: `TEXT_DELIVERED` ...
#: https://docs.aws.amazon.com/sms-voice/latest/userguide/configuration-sets-event-types.html
OTHER_MESSAGES = re.compile(r"(?:TEXT|MEDIA|VOICE|RCS)_[A-Z_]{1,50}")
#: https://docs.aws.amazon.com/sms-voice/latest/userguide/monitor-event-bridge.html
OTHER_MESSAGES_SOURCE = "aws.sms-voice"


def control_name(kind: str, document: Mapping[str, Any]) -> str | None:
    """What to call it; None if it is about an email sent. kind: `eventType` or `notificationType`."""
    if "mail" not in document and OTHER_MESSAGES.fullmatch(kind):
        return kind
    return NOTIFICATIONS.get(kind.casefold())
