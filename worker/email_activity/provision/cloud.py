"""Connections to the services that provisioning talks to, and how it fails."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

import boto3
from botocore.config import Config

from email_activity.aws import clients
from email_activity.domain.errors import ActivityError

if TYPE_CHECKING:
    from mypy_boto3_cloudformation import CloudFormationClient
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_events import EventBridgeClient
    from mypy_boto3_pipes import EventBridgePipesClient
    from mypy_boto3_sesv2 import SESV2Client
    from mypy_boto3_sns import SNSClient
    from mypy_boto3_sqs import SQSClient


#: Of calls that change something, or wait for it.
PATIENT = Config(connect_timeout=5, retries={"mode": "standard", "total_max_attempts": 5})


class ProvisionError(ActivityError):
    """The infrastructure could not be made as wanted. The message says what stands in the way."""


class NotApprovedError(ProvisionError):
    """Whoever was shown the changes did not want them; nothing was changed."""

    def __init__(self) -> None:
        super().__init__("nothing was changed")


@dataclass(frozen=True, slots=True)
class Cloud:
    """poll_seconds: between two questions to CloudFormation, which throttles those who ask more often."""

    region: str
    endpoint_url: str | None
    session: boto3.Session
    cloudformation: "CloudFormationClient"
    dynamodb: "DynamoDBClient"
    events: "EventBridgeClient"
    pipes: "EventBridgePipesClient"
    sesv2: "SESV2Client"
    sns: "SNSClient"
    sqs: "SQSClient"
    poll_seconds: float = 3

    @classmethod
    def connect(
        cls,
        *,
        region: str,
        endpoint_url: str | None = None,
        session: boto3.Session | None = None,
        config: Config = PATIENT,
    ) -> Self:
        """Raises what boto3 raises, and SettingsError if the certificates are missing."""
        session = session or clients.session(region)
        where: dict[str, Any] = {"region_name": region, "endpoint_url": endpoint_url or None, "config": config}
        names: Any = ("cloudformation", "dynamodb", "events", "pipes", "sesv2", "sns", "sqs")
        return cls(region, endpoint_url or None, session, **{name: session.client(name, **where) for name in names})
