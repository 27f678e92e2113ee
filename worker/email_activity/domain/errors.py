"""Failures, in two families: a transient one is retried, a permanent one goes to the dead-letter queue.

No message of these holds personal data: they are logged, and travel as attributes of quarantined messages.
"""

import traceback
from pathlib import Path
from typing import ClassVar, Self

#: DynamoDB is there, but takes or gives no more just now: an on-demand table doubles its capacity within minutes.
THROTTLED = frozenset(
    {"ProvisionedThroughputExceededException", "ThrottlingException", "RequestLimitExceeded", "ThrottledException"}
)

#: DynamoDB says so of a table that is not there, or not yet.
RESOURCE_NOT_FOUND = "ResourceNotFoundException"


def code_of(error: BaseException) -> str:
    """`ProvisionedThroughputExceededException`, `EndpointConnectionError`: what AWS or botocore call it.

    Never the text of an error, which may quote an address or a subject.
    """
    answer = getattr(error, "response", None)  # botocore's ClientError has one
    return str(answer.get("Error", {}).get("Code", "Unknown")) if isinstance(answer, dict) else type(error).__name__


def place_of(error: BaseException) -> str:
    """`KeyError at parse.py:120`: what a bug report needs, without what the exception says."""
    frames = traceback.extract_tb(error.__traceback__)
    where = f" at {Path(frames[-1].filename).name}:{frames[-1].lineno}" if frames else ""
    return f"{type(error).__name__}{where}"


class ActivityError(Exception):
    """Root of all errors that this project raises on purpose."""


class TransientError(ActivityError):
    """A dependency did not answer or refused for now.

    The message returns to the queue with a delay. What to do: nothing, unless it lasts; then look at the
    dependency that the log names.
    """

    def __init__(self, dependency: str, detail: str) -> None:
        super().__init__(f"{dependency}: {detail}")
        self.dependency = dependency
        self.detail = detail


class PermanentError(ActivityError):
    """The message can never be recorded as it is, so it goes to the dead-letter queue with its reason.

    What to do: read the reason there; mend the sender or the worker; redrive.
    """

    #: The value of the dead-letter message's attribute `reason`, and of `reason` in `email-activity parse`.
    reason: ClassVar[str] = "unexpected"

    def __init__(self, detail: str = "") -> None:
        super().__init__(f"{self.reason}: {detail}" if detail else self.reason)
        self.detail = detail


class NotJsonError(PermanentError):
    """The text is not JSON, nor one of the plain texts that SES sends at set-up. Look at who sends here."""

    reason = "not_json"


class NotSesError(PermanentError):
    """JSON, but neither an SES event nor an envelope around one. Look at who else sends to this queue."""

    reason = "not_ses"


class NestedTooDeepError(PermanentError):
    """More envelopes in each other, or deeper JSON, than any route from SES makes. Look at who sends here."""

    reason = "nested_too_deep"


class NoMailError(PermanentError):
    """An SES event without its `mail` object, so nobody can say which email it is about."""

    reason = "no_mail"


class NoMessageIdError(PermanentError):
    """An SES event without `mail.messageId`, so it belongs to no email."""

    reason = "no_message_id"


class MessageIdTooLongError(PermanentError):
    """`mail.messageId` is longer than any that SES gives, and too long to be a key."""

    reason = "message_id_too_long"


class TooManyEventsError(PermanentError):
    """More events in one message than any of SES's have room for; the first are recorded. Look at who sends here."""

    reason = "too_many_events"


class TooManyRecipientsError(PermanentError):
    """More recipients than any call to SES can have. Look at who sends here."""

    reason = "too_many_recipients"


class UntrustedAccountError(PermanentError):
    """An event of an AWS account that is not in TRUSTED_AWS_ACCOUNTS, or that tells none. Look at who sends here."""

    reason = "untrusted_aws_account"


class UntrustedConfigurationSetError(PermanentError):
    """An event of a configuration set that is not in TRUSTED_CONFIGURATION_SETS, or that tells none (those of an
    identity's own topic never do). Look at who sends here.
    """

    reason = "untrusted_configuration_set"


class UntrustedTopicError(PermanentError):
    """An event of an SNS topic that is not in TRUSTED_SNS_TOPICS, or one without an envelope, which tells none. Look at
    who sends here.
    """

    reason = "untrusted_sns_topic"


class UnsignedError(PermanentError):
    """An event without a signature of SNS, while SNS_SIGNATURES is `enforce`. Look at who sends here."""

    reason = "unsigned"


class BadSignatureError(PermanentError):
    """An envelope that SNS did not sign, or not as it is. Look at who sends here."""

    reason = "bad_signature"


class TooMuchWorkError(PermanentError):
    """So many or so large events, each for so many people, that their records would hold up the worker and fill its
    memory; those before it in its message are recorded. Look at who sends here.
    """

    reason = "too_much_work"


class RefusedByTableError(PermanentError):
    """DynamoDB refuses an item of this message as invalid, for instance one over 400 KB."""

    reason = "refused_by_table"


class UnexpectedError(PermanentError):
    """A bug in the worker met on this message. Report it with the message; redrive after the next release."""

    reason = "unexpected"

    @classmethod
    def of(cls, error: Exception) -> Self:
        """Its detail is `KeyError at parse.py:120`: what a bug report needs, without what the exception says."""
        return cls(place_of(error))
