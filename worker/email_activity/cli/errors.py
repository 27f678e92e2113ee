"""Every failure as one line that says what to do, and an exit code: 1 failed or nothing found, 2 wrong usage or
settings. Never a traceback.
"""

from pathlib import Path
from typing import Any

import click

from email_activity.cli.show import printable

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

#: Classes of botocore, by name, so that botocore need not be imported to fail.
NO_CREDENTIALS = frozenset(
    {
        "CredentialRetrievalError",
        "NoCredentialsError",
        "PartialCredentialsError",
        "ProfileNotFound",
        "SSOTokenLoadError",
        "TokenRetrievalError",
        "UnauthorizedSSOTokenError",
    }
)
UNREACHABLE = frozenset(
    {
        "ConnectTimeoutError",
        "ConnectionClosedError",
        "EndpointConnectionError",
        "HTTPClientError",
        "ProxyConnectionError",
        "ReadTimeoutError",
        "SSLError",
    }
)

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
    "DescribeTable": f"a replay needs dynamodb:DescribeTable on the table; {OPERATOR}",
}

#: SQS's code for a queue that is not there, with or without a service before it.
NO_QUEUE = ("NonExistentQueue", "QueueDoesNotExist")


def explain(error: Exception) -> tuple[str, int]:
    """The line or lines to print, and the exit code."""
    name = type(error).__name__
    if name == "SettingsError":
        return "wrong settings\n" + "\n".join(map(printable, str(error).splitlines())), WRONG
    # It has only the code of what AWS said, which is fit for logs.
    aws = error.__cause__ if name == "TransientError" and error.__cause__ else error
    if _is_botocores(aws):
        line, code = _aws(aws, type(aws).__name__)
        return printable(line), code
    if name == "ModuleNotFoundError" and not str(getattr(error, "name", "")).startswith("email_activity"):
        return f"{printable(error)}: install email-activity again, with what it depends on", FAILED
    if isinstance(error, UnicodeEncodeError):
        return "an argument is no valid text: is it in UTF-8?", WRONG
    if _is_ours(error) or isinstance(error, OSError):
        return printable(error), FAILED
    return f"a bug: {_place(error)}. Please report this line with the command you typed", FAILED


def _is_botocores(error: BaseException) -> bool:
    return any(each.__module__.startswith("botocore.") for each in type(error).__mro__)


def _is_ours(error: Exception) -> bool:
    return any(each.__name__ == "ActivityError" for each in type(error).__mro__)


def _aws(error: Any, name: str) -> tuple[str, int]:
    if name in NO_CREDENTIALS:
        return f"no usable AWS credentials ({error}): {GET_CREDENTIALS}", FAILED
    if name in UNREACHABLE:
        return f"AWS does not answer ({error}): check the network, AWS_REGION and AWS_ENDPOINT_URL", FAILED
    if hasattr(error, "response"):
        return _refused(error.response.get("Error", {}), error.operation_name), FAILED
    return f"{name}: {error}", FAILED


def _refused(said: dict[str, Any], call: str) -> str:
    code, message = said.get("Code", "unknown"), said.get("Message", "")
    if code == "ResourceNotFoundException":
        return (
            f"there is no such table ({_settings()}): set ACTIVITY_TABLE and AWS_REGION to where it is, or make it "
            "with `email-activity provision`"
        )
    if code == "ValidationException" and "specified index" in message:
        return f"{_settings()} lacks an index ({message}): make the table with `email-activity provision`"
    if code.endswith(NO_QUEUE):
        return f"there is no such queue ({call}): set EVENTS_QUEUE, DEAD_LETTER_QUEUE and AWS_REGION to where it is"
    if code in BAD_CREDENTIALS:
        return f"AWS refuses the credentials ({code}): renew them, or choose others with AWS_PROFILE"
    if code.startswith("AccessDenied"):
        return f"not allowed ({message}): {NEEDS.get(call, READING)}"
    return f"AWS refuses: {code}: {message}"


def _settings() -> str:
    """Where we looked, as far as that can be told at all."""
    from email_activity.settings import SettingsError, load_settings  # noqa: PLC0415  only needed here, and slow

    try:
        settings = load_settings()
    except SettingsError:
        return "the table"
    return f"ACTIVITY_TABLE={settings.activity_table}, AWS_REGION={settings.aws_region}" + (
        f", AWS_ENDPOINT_URL={settings.aws_endpoint_url}" if settings.aws_endpoint_url else ""
    )


def _place(error: Exception) -> str:
    """`KeyError at parse.py:120`, without what the exception says, which may quote an address."""
    frame = error.__traceback__
    while frame and frame.tb_next:
        frame = frame.tb_next
    where = f" at {Path(frame.tb_frame.f_code.co_filename).name}:{frame.tb_lineno}" if frame else ""
    return f"{type(error).__name__}{where}"


class Failure(click.ClickException):
    """What click prints as `Error: ...`, and leaves with."""

    def __init__(self, error: Exception) -> None:
        line, code = explain(error)
        super().__init__(line)
        # click has one for each class, and reads it from the instance.
        self.exit_code = code  # type: ignore[misc]
