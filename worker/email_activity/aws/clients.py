"""Connections to AWS, made once for each process."""

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import boto3
import botocore.session
from botocore.client import BaseClient
from botocore.config import Config

from email_activity.aws.fast_client import install_fast_path, reason_against
from email_activity.settings import ReaderSettings, Settings, SettingsError
from email_activity.telemetry import log

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_sqs import SQSClient

#: Seconds. A silent peer must not hold a thread longer than a stop may take.
CONNECT_TIMEOUT = 3
READ_TIMEOUT = 10


def session(region: str) -> boto3.Session:
    """boto3 itself reads AWS_DEFAULT_REGION only; containers are given AWS_REGION.

    Raises SettingsError if the certificates are missing, which botocore would only find at each call.
    """
    core = botocore.session.get_session()
    ca_bundle(core)
    return boto3.Session(botocore_session=core, region_name=region)


def ca_bundle(core: botocore.session.Session) -> str | None:
    """The file of certificate authorities that is set. Raises SettingsError."""
    name, bundle = "AWS_CA_BUNDLE", core.get_config_variable("ca_bundle")
    if not bundle:
        name, bundle = "REQUESTS_CA_BUNDLE", os.environ.get("REQUESTS_CA_BUNDLE")
    if bundle and not Path(bundle).exists():
        raise SettingsError(f"{name}: got {bundle!r}, want a file of certificates that exists")
    return str(bundle) if bundle else None


def sqs_client(settings: Settings) -> "SQSClient":
    client: SQSClient = _client("sqs", settings, READ_TIMEOUT + settings.receive_wait_seconds)
    return client


def dynamodb_client(settings: ReaderSettings) -> "DynamoDBClient":
    client: DynamoDBClient = _client("dynamodb", settings, READ_TIMEOUT)
    return client


def s3_client(settings: ReaderSettings) -> Any:
    """More attempts than others: an archive is read in one go. A stand-in has no names for its buckets' hosts."""
    config = Config(
        connect_timeout=CONNECT_TIMEOUT,
        read_timeout=READ_TIMEOUT,
        retries={"mode": "standard", "total_max_attempts": 5},
        user_agent_extra="email-activity",
        s3={"addressing_style": "path"} if settings.aws_endpoint_url else None,
    )
    return session(settings.aws_region).client("s3", endpoint_url=settings.aws_endpoint_url, config=config)


def _client(service: Literal["sqs", "dynamodb"], settings: ReaderSettings, read_timeout: float) -> Any:
    """Few attempts: what is not done soon goes back to the queue, which is the better place to wait."""
    config = Config(
        connect_timeout=CONNECT_TIMEOUT,
        read_timeout=read_timeout,
        max_pool_connections=settings.connections,
        retries={"mode": "standard", "total_max_attempts": 2},
        user_agent_extra="email-activity",
    )
    client = session(settings.aws_region).client(service, endpoint_url=settings.aws_endpoint_url, config=config)
    if settings.aws_direct_calls and not reason_against(client):
        install_fast_path(client)
    return client


def log_if_not_fast(settings: ReaderSettings, *clients: BaseClient) -> None:
    """Once, by a worker that starts: with boto3's layers around all calls it takes more than twice the CPU."""
    for client in clients:
        reason = reason_against(client) if settings.aws_direct_calls else "AWS_DIRECT_CALLS=false"
        if reason:
            log.info("direct_calls_off", service=client.meta.service_model.signing_name, reason=reason)
