"""Where provisioning works: AWS, or something that stands in for it on one machine."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import urlsplit

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

from email_activity.aws import clients
from email_activity.domain.errors import ActivityError

if TYPE_CHECKING:
    from mypy_boto3_cloudformation import CloudFormationClient
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_events import EventBridgeClient
    from mypy_boto3_ses import SESClient
    from mypy_boto3_sesv2 import SESV2Client
    from mypy_boto3_sns import SNSClient
    from mypy_boto3_sqs import SQSClient

#: Hosts of AWS's own endpoints end so, in every partition and in the dual-stack form.
#: https://docs.aws.amazon.com/general/latest/gr/rande.html
AWS_HOSTS = (".amazonaws.com", ".amazonaws.com.cn", ".api.aws", ".amazonaws.eu", ".api.amazonwebservices.com.cn")

#: Error codes with which stand-ins say that they do not know a call, beside HTTP's 501.
UNKNOWN_CALL = frozenset({"InvalidAction", "NotImplemented", "UnknownOperation", "UnknownOperationException"})

HTTP_NOT_IMPLEMENTED = 501


class ProvisionError(ActivityError):
    """The infrastructure could not be made as wanted. The message says what stands in the way."""


class NotApprovedError(ProvisionError):
    """Whoever was shown the changes did not want them; nothing was changed."""

    def __init__(self) -> None:
        super().__init__("nothing was changed")


@dataclass(frozen=True, slots=True)
class Cloud:
    region: str
    endpoint_url: str | None
    is_stand_in: bool
    cloudformation: "CloudFormationClient"
    dynamodb: "DynamoDBClient"
    events: "EventBridgeClient"
    ses: "SESClient"
    sesv2: "SESV2Client"
    sns: "SNSClient"
    sqs: "SQSClient"

    @classmethod
    def connect(cls, *, region: str, endpoint_url: str | None = None, session: boto3.Session | None = None) -> Self:
        session = session or clients.session(region)
        # The client is asked where it goes, for boto3 takes endpoints from the environment and profile too.
        config = Config(connect_timeout=5, retries={"mode": "standard", "total_max_attempts": 5})
        where: dict[str, Any] = {"region_name": region, "endpoint_url": endpoint_url or None, "config": config}
        cloudformation: CloudFormationClient = session.client("cloudformation", **where)
        return cls(
            region=region,
            endpoint_url=endpoint_url or None,
            is_stand_in=not is_aws(cloudformation.meta.endpoint_url),
            cloudformation=cloudformation,
            dynamodb=session.client("dynamodb", **where),
            events=session.client("events", **where),
            ses=session.client("ses", **where),
            sesv2=session.client("sesv2", **where),
            sns=session.client("sns", **where),
            sqs=session.client("sqs", **where),
        )

    @property
    def poll_seconds(self) -> float:
        """CloudFormation throttles those who ask it more often."""
        return 0.1 if self.is_stand_in else 3


def is_aws(endpoint_url: str) -> bool:
    return (urlsplit(endpoint_url).hostname or "").endswith(AWS_HOSTS)


def code(error: ClientError) -> str:
    return error.response.get("Error", {}).get("Code", "")


def is_unknown_call(error: ClientError) -> bool:
    status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode")
    return status == HTTP_NOT_IMPLEMENTED or code(error) in UNKNOWN_CALL
