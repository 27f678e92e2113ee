"""Every failure as one line that says what to do, and an exit code: 1 failed or nothing found, 2 wrong usage or
settings. Never a traceback.
"""

import re

import click

from email_activity.domain.errors import RESOURCE_NOT_FOUND, ActivityError, TransientError, code_of, place_of
from email_activity.domain.printable import printable
from email_activity.settings import SettingsError, load_reader_settings

FAILED, WRONG = 1, 2

#: Codes of AWS for credentials that it does not take.
BAD_CREDENTIALS = frozenset(
    {
        "ExpiredToken",
        "ExpiredTokenException",
        "IncompleteSignature",
        "InvalidClientTokenId",
        "InvalidSignatureException",
        "MissingAuthenticationToken",
        "SignatureDoesNotMatch",
        "UnrecognizedClientException",
    }
)

GET_CREDENTIALS = "set AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or run where a role gives them"

#: What a call needs that AWS did not allow. `provision` makes policies and names them.
READING = "reading needs dynamodb:Query on the table and on its indexes"
OPERATOR = "attach the operator policy that `email-activity provision` makes"
NEEDS = {
    **dict.fromkeys(("GetQueueUrl", "GetQueueAttributes"), f"this needs sqs:Get* on both queues; {OPERATOR}"),
    **dict.fromkeys(
        ("ReceiveMessage", "DeleteMessageBatch", "ChangeMessageVisibilityBatch"),
        f"dead letters need ReceiveMessage, DeleteMessage and ChangeMessageVisibility on their queue; {OPERATOR}",
    ),
    "SendMessageBatch": f"redrive and replay need sqs:SendMessage on the events queue; {OPERATOR}",
    **dict.fromkeys(
        ("ListObjectsV2", "GetObject"),
        "to replay from S3 needs s3:ListBucket and s3:GetObject on the archive; attach the archive policy that "
        "`email-activity provision` makes",
    ),
    "PutItem": f"to assign needs dynamodb:PutItem on the table; {OPERATOR}, and to forget the eraser policy",
    "BatchWriteItem": "to forget a person needs the eraser policy that `email-activity provision` makes",
    "DescribeTable": f"replay and report --all need dynamodb:DescribeTable on the table; {OPERATOR}",
    "Scan": "forget and export need dynamodb:Scan on the table: attach the eraser policy that `provision` makes. "
    "report --all needs it too, and as it reads all mail, no reader's policy allows it",
}

#: SQS's code for a queue that is not there, with or without a service before it.
NO_QUEUE = ("NonExistentQueue", "QueueDoesNotExist")


class Failure(click.ClickException):
    """What click prints as `Error: ...`, and leaves with."""

    def __init__(self, error: Exception) -> None:
        line, code = explain(error)
        super().__init__(line)
        # click has one for each class, and reads it from the instance.
        self.exit_code = code  # type: ignore[misc]


def explain(error: BaseException) -> tuple[str, int]:
    """The line or lines to print, and the exit code."""
    if isinstance(error, TransientError) and error.__cause__ and _is_botocores(error.__cause__):
        # The error itself has only the code of what AWS said, which is fit for logs.
        error = error.__cause__
    if isinstance(error, SettingsError):
        return "wrong settings\n" + "\n".join(map(printable, str(error).splitlines())), WRONG
    if _is_botocores(error):
        return re.sub(r"//[^/\s]*@", "//***@", printable(_aws(error))), FAILED  # a password in AWS_ENDPOINT_URL
    if isinstance(error, ModuleNotFoundError) and not (error.name or "").startswith("email_activity"):
        return f"{printable(error)}: install email-activity again, with what it depends on", FAILED
    if isinstance(error, UnicodeEncodeError):
        return "an argument is no valid text: is it in UTF-8?", WRONG
    if isinstance(error, ActivityError | OSError):
        return printable(error), FAILED
    return f"a bug: {place_of(error)}. Please report this line with the command you typed", FAILED


def _is_botocores(error: BaseException) -> bool:
    """Told without importing botocore, which takes long."""
    return any(each.__module__.startswith("botocore.") for each in type(error).__mro__)


def _aws(error: BaseException) -> str:
    from botocore import exceptions as botocore  # noqa: PLC0415  loaded already, by whatever raised the error

    no_credentials = (
        botocore.CredentialRetrievalError,
        botocore.NoCredentialsError,
        botocore.PartialCredentialsError,
        botocore.ProfileNotFound,
        botocore.SSOError,
        botocore.TokenRetrievalError,
    )
    if isinstance(error, no_credentials):
        return f"no usable AWS credentials ({error}): {GET_CREDENTIALS}"
    if isinstance(error, botocore.ConnectionError | botocore.HTTPClientError):
        return f"AWS does not answer ({error}): check the network, AWS_REGION and AWS_ENDPOINT_URL"
    if isinstance(error, botocore.ClientError):
        return _refused(code_of(error), error.response.get("Error", {}).get("Message", ""), error.operation_name)
    return f"{type(error).__name__}: {error}"


def _refused(code: str, message: str, call: str) -> str:
    if code == RESOURCE_NOT_FOUND:
        return (
            f"there is no such table ({_table()}): set ACTIVITY_TABLE and AWS_REGION to where it is, or make it "
            "with `email-activity provision`"
        )
    if code == "ValidationException" and "specified index" in message:
        return f"{_table()} lacks an index ({message}): make the table with `email-activity provision`"
    if code.endswith(NO_QUEUE):
        return f"there is no such queue ({call}): set EVENTS_QUEUE, DEAD_LETTER_QUEUE and AWS_REGION to where it is"
    if code in BAD_CREDENTIALS:
        return f"AWS refuses the credentials ({code}): renew them, or choose others with AWS_PROFILE"
    if code.startswith("AccessDenied"):
        return f"not allowed ({message}): {NEEDS.get(call, READING)}"
    return f"AWS refuses: {code}: {message}"


def _table() -> str:
    """Where the table was looked for, if the settings can be read."""
    try:
        settings = load_reader_settings()
    except SettingsError:
        return "the table"
    endpoint = f", AWS_ENDPOINT_URL={settings.aws_endpoint_url}" if settings.aws_endpoint_url else ""
    return f"ACTIVITY_TABLE={settings.activity_table}, AWS_REGION={settings.aws_region}{endpoint}"
