"""One line of what `doctor` found, and what an error comes to. No input or output."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, TypeGuard

from botocore.exceptions import ClientError

from email_activity.domain.errors import TransientError, code_of

State = Literal["ok", "warning", "failed", "unknown"]

#: Says an error in a line, with what to do.
InWords = Callable[[BaseException], str]

#: Codes begin so where the caller may not ask. SNS has one of its own.
#: https://docs.aws.amazon.com/sns/latest/api/CommonErrors.html
DENIED = ("AccessDenied", "AuthorizationError", "NotAuthorized", "UnauthorizedOperation")

#: IAM's action for each call that is made: all that `doctor` needs.
#: https://docs.aws.amazon.com/service-authorization/latest/reference/reference_policies_actions-resources-contextkeys.html
ACTIONS = {
    call: f"{prefix}:{call}"
    for prefix, calls in {
        "dynamodb": ("DescribeTable", "DescribeTimeToLive", "DescribeContinuousBackups", "Query"),
        "events": ("DescribeRule", "ListTargetsByRule"),
        "iam": ("SimulatePrincipalPolicy",),
        "servicequotas": ("GetServiceQuota",),
        "ses": ("GetConfigurationSetEventDestinations",),
        "sns": ("GetTopicAttributes", "ListSubscriptionsByTopic", "GetSubscriptionAttributes"),
        "sqs": ("GetQueueUrl", "GetQueueAttributes"),
        "sts": ("GetCallerIdentity",),
    }.items()
    for call in calls
}

#: What makes all that is looked at; others may have made it by other means.
PROVISION = "run `email-activity provision`, or change it where you manage it"

#: Status and codes with which a stand-in for AWS says that it does not know a call.
HTTP_NOT_IMPLEMENTED = 501
UNKNOWN_CALL = frozenset({"InvalidAction", "NotImplemented", "UnknownOperation", "UnknownOperationException"})


@dataclass(frozen=True, slots=True)
class Line:
    """check: `area`, or `area: what`. found: in a few words. do: what to do, empty if ok.

    state: `unknown` where it could not be looked at; needs: IAM's actions that were lacking, if that is why.
    """

    check: str
    state: State
    found: str
    do: str = ""
    needs: str | None = None

    @property
    def area(self) -> str:
        return self.check.partition(":")[0]


def is_denied(error: BaseException) -> TypeGuard[ClientError]:
    return isinstance(error, ClientError) and code_of(error).startswith(DENIED)


def line_of_error(check: str, error: BaseException, in_words: InWords) -> Line:
    """What could not be asked. A refusal for want of permission is no failure of what was to be looked at."""
    if isinstance(error, TransientError) and error.__cause__:
        error = error.__cause__
    if is_denied(error):
        action = ACTIONS.get(error.operation_name, error.operation_name)
        return Line(check, "unknown", "may not look", f"needs the IAM action {action}", action)
    if _is_unknown_call(error):
        return Line(check, "unknown", f"{error.operation_name} is not known here", "ask AWS: this is a stand-in for it")
    found, bracket, do = in_words(error).rpartition("): ")
    if bracket:
        return Line(check, "failed", f"{found})", do)
    return Line(check, "failed", do, PROVISION if isinstance(error, ClientError) else "")


def _is_unknown_call(error: BaseException) -> TypeGuard[ClientError]:
    if not isinstance(error, ClientError):
        return False
    status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode")
    return status == HTTP_NOT_IMPLEMENTED or code_of(error) in UNKNOWN_CALL
