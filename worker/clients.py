"""Connections to AWS and Redis, made once for each process."""

from typing import TYPE_CHECKING, TypeVar

import boto3
from botocore.client import BaseClient
from botocore.config import Config

from config.settings import Settings
from worker.direct import make_direct

if TYPE_CHECKING:
    import redis
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_sqs import SQSClient

Client = TypeVar("Client", bound=BaseClient)

#: Seconds. A silent peer must not hold a thread longer than a stop may take.
CONNECT_TIMEOUT = 3
READ_TIMEOUT = 10


def session(settings: Settings) -> boto3.Session:
    """boto3 itself reads AWS_DEFAULT_REGION only; AWS_REGION is what containers are given."""
    return boto3.Session(region_name=settings.aws_region)


def sqs_client(settings: Settings) -> "SQSClient":
    opened = session(settings)
    config = _config(settings, READ_TIMEOUT + settings.receive_wait_seconds)
    client = opened.client("sqs", endpoint_url=settings.aws_endpoint_url, config=config)
    return _direct(settings, opened, client)


def dynamodb_client(settings: Settings) -> "DynamoDBClient":
    opened = session(settings)
    config = _config(settings, READ_TIMEOUT)
    client = opened.client("dynamodb", endpoint_url=settings.aws_endpoint_url, config=config)
    return _direct(settings, opened, client)


def _direct(settings: Settings, opened: boto3.Session, client: Client) -> Client:
    if settings.aws_direct_calls:
        make_direct(opened, client)
    return client


def _config(settings: Settings, read_timeout: float) -> Config:
    """Few attempts: what is not done soon goes back to the queue, which is the better place to wait."""
    return Config(
        connect_timeout=CONNECT_TIMEOUT,
        read_timeout=read_timeout,
        max_pool_connections=max(10, settings.threads_per_process),
        retries={"mode": "standard", "total_max_attempts": 2},
        user_agent_extra="email-activity",
    )


def redis_client(settings: Settings) -> "redis.Redis":
    """No retries of its own: the receive loop waits, and says so once."""
    import redis  # noqa: PLC0415  a tenth of a second that reading commands need not wait

    return redis.Redis.from_url(
        settings.redis_url,
        decode_responses=True,
        socket_timeout=5,
        socket_connect_timeout=3,
        socket_keepalive=True,
        health_check_interval=30,
    )
