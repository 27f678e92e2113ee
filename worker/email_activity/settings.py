"""Settings, read from the environment once at start, typed and checked.

`email-activity config` prints what is in force; `config/example.env` documents every variable.
"""

from datetime import timedelta
from typing import Annotated, Any, Literal, Self
from zoneinfo import ZoneInfo

from pydantic import Field, SecretStr, model_validator

from email_activity.environment import (
    EVERYTHING,
    AccountIds,
    ConfigurationSets,
    DocumentTypes,
    Environment,
    HttpUrl,
    Name,
    SettingsError,
    TimeZone,
    TopicArns,
    checked,
    is_redis_url,
    list_of,
    listed,
    read_settings,
)
from email_activity.redis_url import MEMORY, RedisUrl, hide_password, read_redis_url

#: What others take from here too, though it stands in `environment.py`.
__all__ = ["EVERYTHING", "Environment", "SettingsError", "checked", "list_of", "listed", "read_settings"]

#: Connections of a client to AWS that it may keep.
MIN_CONNECTIONS = 10


class ReaderSettings(Environment):
    """What it takes to read the table and to show it: a product that reads need not set the worker's."""

    aws_region: Name = Field("us-east-1", description="AWS region of the queue and the table")
    aws_endpoint_url: HttpUrl | None = Field(None, description="stand-in for AWS; unset on AWS")
    aws_direct_calls: bool = Field(
        True, description="make the most frequent calls without botocore's layers, in a third of the CPU"
    )
    activity_table: Name = Field("email-activity", description="DynamoDB table")
    display_timezone: TimeZone = Field(
        "UTC", description="IANA name, as Europe/Berlin: for times that people read, and for days that they ask for"
    )

    @property
    def time_zone(self) -> ZoneInfo:
        return ZoneInfo(self.display_timezone)

    @property
    def connections(self) -> int:
        """Of a client, at most."""
        return MIN_CONNECTIONS


class TrackingSettings(Environment):
    """What decides which mail is recorded, and what of it."""

    tracked_document_types: DocumentTypes = Field("invoice", description="comma-separated; * records all mail")
    document_type_tag: Name = Field("document_type", description="message tag that holds the document type")
    document_type_header: Name = Field("X-Document-Type", description="header that does, where no tag does")
    document_id_tag: Name = Field("document_id", description="message tag that holds the document id")
    document_id_header: Name = Field("X-Document-Id", description="header that does, where no tag does")
    account_id_tag: Name = Field("account_id", description="message tag that holds your customer's id")
    account_id_header: Name = Field("X-Account-Id", description="header that does, where no tag does")
    trusted_aws_accounts: AccountIds | None = Field(
        None, description="comma-separated; events of other AWS accounts are quarantined; all when not set"
    )
    trusted_configuration_sets: ConfigurationSets | None = Field(
        None, description="comma-separated; events of others, or of none, are quarantined; all when not set"
    )
    trusted_sns_topics: TopicArns | None = Field(
        None,
        description="comma-separated ARNs; events of other SNS topics, or of none, are quarantined; all when not set",
    )
    store_subject: bool = Field(True, description="keep the subject line in the table")
    store_full_ip: bool = Field(True, description="keep whole IP addresses of opens and clicks, not just /24 and /48")
    store_link_query: bool = Field(True, description="keep query, fragment and user info of links that were clicked")
    forget_key: SecretStr | None = Field(None, min_length=32, description="key that forgotten people are known by")
    retention_days: int = Field(365, ge=1, le=36_500, description="facts expire so long after sending")

    @property
    def tracked(self) -> frozenset[str]:
        """Document types in lower case; empty means all mail."""
        return listed(self.tracked_document_types.lower()) - {EVERYTHING}

    @property
    def trusted_accounts(self) -> frozenset[str]:
        """AWS account ids; empty means all."""
        return listed(self.trusted_aws_accounts)

    @property
    def trusted_sets(self) -> frozenset[str]:
        """Names of configuration sets; empty means all, and mail without one."""
        return listed(self.trusted_configuration_sets)

    @property
    def trusted_topics(self) -> frozenset[str]:
        """ARNs; empty means all, and events without an envelope."""
        return listed(self.trusted_sns_topics)

    @property
    def retention(self) -> timedelta:
        return timedelta(days=self.retention_days)


class Settings(TrackingSettings, ReaderSettings):
    """All of them, as a worker needs them."""

    events_queue: Name = Field("email-activity-events", description="SQS queue to poll: name or URL")
    dead_letter_queue: Name | None = Field(
        None, description="name or URL; from the queue's redrive policy when not set"
    )
    redis_url: Annotated[str, is_redis_url()] = Field(
        "redis://localhost:6379/0", description="Redis 7 or Valkey, for duplicates; a cluster serves"
    )
    celery_broker_url: Annotated[str, is_redis_url(MEMORY)] | None = Field(
        None,
        description="Redis for Celery's remote control, no cluster; REDIS_URL when not set; memory:// for none",
    )

    sns_signatures: Literal["off", "warn", "enforce"] = Field(
        "off", description="what becomes of events without a good signature of SNS: nothing, a warning, quarantine"
    )

    dedupe_window_seconds: int = Field(
        86_400, ge=60, le=14 * 86_400, description="how long Redis remembers what is stored"
    )
    lease_seconds: int = Field(
        60, ge=5, le=43_200, description="how long a claim holds; less than the visibility timeout"
    )

    batch_size: int = Field(70, ge=1, le=1_000, description="messages per batch")
    threads_per_process: int = Field(48, ge=1, le=64, description="polling threads in each process at most")
    linger_milliseconds: int = Field(200, ge=0, le=5_000, description="longest wait for a batch to gather; 0 for none")
    poll_seconds: float = Field(30, gt=0, le=300, description="bound of one poll task")
    receive_wait_seconds: int = Field(5, ge=0, le=20, description="long poll; SQS allows 20, a quick stop wants less")
    shutdown_seconds: float = Field(25, gt=0, le=600, description="the worker ends after this long whatever happens")

    health_file: Name = Field(
        "/tmp/email-activity.poll",  # noqa: S108  neither written nor read through a link; holds no personal data
        description="whether the worker polls, in its own words; read by `email-activity health`",
    )
    metrics_port: int = Field(0, ge=0, le=65_535, description="the worker answers /metrics and /live there; 0: nowhere")
    metrics_host: Name = Field("0.0.0.0", description="address that METRICS_PORT is on")  # noqa: S104  no personal data
    metrics_emf: bool = Field(
        False, description="a line for each metric a minute on standard output, for CloudWatch Logs"
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field("info", description="debug, info, warning or error")
    log_format: Literal["auto", "json", "console"] = Field("auto", description="auto: colours on a terminal, else JSON")

    @model_validator(mode="after")
    def _stop_is_quicker_than_its_bound(self) -> Self:
        if self.receive_wait_seconds >= self.shutdown_seconds:
            raise ValueError(
                f"RECEIVE_WAIT_SECONDS: got {self.receive_wait_seconds}, want less than SHUTDOWN_SECONDS "
                f"({self.shutdown_seconds:g}), or a stop could not wait for the last receive"
            )
        return self

    @model_validator(mode="after")
    def _signatures_are_of_our_topics(self) -> Self:
        if self.sns_signatures == "enforce" and not self.trusted_topics:
            raise ValueError(
                "SNS_SIGNATURES: got 'enforce', want it together with TRUSTED_SNS_TOPICS: a good signature tells that "
                "some topic of SNS published the event, and anybody can have one"
            )
        return self

    @property
    def broker_url(self) -> str:
        return self.celery_broker_url or self.redis_url

    @property
    def redis(self) -> RedisUrl:
        return read_redis_url(self.redis_url)

    @property
    def broker(self) -> RedisUrl | None:
        """None: memory://, so that no worker can be asked anything."""
        return None if self.broker_url == MEMORY else read_redis_url(self.broker_url)

    @property
    def connections(self) -> int:
        return max(MIN_CONNECTIONS, self.threads_per_process)

    @property
    def has_metrics(self) -> bool:
        return bool(self.metrics_port or self.metrics_emf)

    def shown(self) -> dict[str, Any]:
        """Every variable and its value, with passwords hidden."""
        values = self.model_dump() | {"celery_broker_url": self.broker_url}
        return {name.upper(): hide_password(value) if "url" in name else value for name, value in values.items()}


def load_settings(**overrides: Any) -> Settings:
    """All, from the environment; overrides, by field name, win. Raises SettingsError."""
    return read_settings(Settings, overrides)


def load_reader_settings(**overrides: Any) -> ReaderSettings:
    """Those alone, so that a wrong value of the worker's keeps nobody from reading. Raises SettingsError."""
    return read_settings(ReaderSettings, overrides)


def load_tracking_settings(**overrides: Any) -> TrackingSettings:
    """The same of what is tracked."""
    return read_settings(TrackingSettings, overrides)
