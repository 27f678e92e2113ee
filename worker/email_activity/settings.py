"""Settings, read from the environment once at start, typed and checked.

`email-activity config` prints what is in force; `config/example.env` documents every variable.
"""

import re
from collections.abc import Callable
from datetime import timedelta
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, Field, ValidationError, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from email_activity.redis_url import MEMORY, RedisUrl, read_redis_url

EVERYTHING = "*"

#: Options of a Redis URL that hold no secret.
OPEN_OPTION = re.compile(r"(?:ssl_(?:cert_reqs|check_hostname|ca_certs|ca_path|certfile|keyfile)|db)=[^?#\s]*")


class SettingsError(Exception):
    """A variable of the environment is wrong. Each line names it, what it holds, and what it should hold."""


def _checked(is_valid: Callable[[str], object], wanted: str) -> AfterValidator:
    def check(value: str) -> str:
        if not is_valid(value):
            raise ValueError(wanted)
        return value

    return AfterValidator(check)


def _redis_url(*others: str) -> AfterValidator:
    def check(value: str) -> str:
        if value not in others:
            if not value.startswith(("redis://", "rediss://")):
                raise ValueError(" or ".join(("a URL that starts with redis:// or rediss://", *others)))
            read_redis_url(value)
        return value

    return AfterValidator(check)


def _listed(value: str | None) -> frozenset[str]:
    return frozenset(name.strip() for name in (value or "").split(",") if name.strip())


def _list_of(pattern: str, wanted: str) -> AfterValidator:
    """A comma-separated list."""
    is_name = re.compile(pattern, re.ASCII).fullmatch
    return _checked(lambda value: _listed(value) and all(map(is_name, _listed(value))), wanted)


Name = Annotated[str, Field(min_length=1, max_length=256)]
HttpUrl = Annotated[
    str, _checked(re.compile("https?://.+", re.DOTALL).fullmatch, "a URL that starts with http:// or https://")
]
DocumentTypes = Annotated[
    str,
    _checked(
        lambda value: _listed(value) == {EVERYTHING} or (_listed(value) and EVERYTHING not in _listed(value)),
        "a comma-separated list of document types, or * for all",
    ),
]
AccountIds = Annotated[str, _list_of("[0-9]{12}", "comma-separated AWS account ids of 12 digits")]
ConfigurationSets = Annotated[str, _list_of("[A-Za-z0-9_-]{1,64}", "comma-separated names of SES's configuration sets")]


class Settings(BaseSettings):
    """Field names are the variables' names in lower case. Durations are in the unit that the name says."""

    model_config = SettingsConfigDict(frozen=True, env_ignore_empty=True, extra="ignore", case_sensitive=False)

    aws_region: Name = Field("us-east-1", description="AWS region of the queue and the table")
    aws_endpoint_url: HttpUrl | None = Field(None, description="stand-in for AWS; unset on AWS")
    aws_direct_calls: bool = Field(
        True, description="make the most frequent calls without botocore's layers, in a third of the CPU"
    )

    events_queue: Name = Field("email-activity-events", description="SQS queue to poll: name or URL")
    dead_letter_queue: Name | None = Field(
        None, description="name or URL; found from the queue's redrive policy when not set"
    )
    activity_table: Name = Field("email-activity", description="DynamoDB table")
    redis_url: Annotated[str, _redis_url()] = Field(
        "redis://localhost:6379/0", description="Redis 7 or Valkey, for duplicates; a cluster serves"
    )
    celery_broker_url: Annotated[str, _redis_url(MEMORY)] | None = Field(
        None,
        description="Redis for Celery's remote control, no cluster; REDIS_URL when not set; memory:// for none",
    )

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
    store_subject: bool = Field(True, description="keep the subject line in the table")

    retention_days: int = Field(365, ge=1, le=36_500, description="facts expire so long after sending")
    dedupe_window_seconds: int = Field(
        86_400, ge=60, le=14 * 86_400, description="how long Redis remembers what is stored"
    )
    lease_seconds: int = Field(
        60, ge=5, le=43_200, description="how long a claim holds; less than the visibility timeout"
    )

    batch_size: int = Field(70, ge=1, le=1_000, description="messages per batch")
    threads_per_process: int = Field(24, ge=1, le=64, description="polling threads in each process at most")
    poll_seconds: float = Field(30, gt=0, le=300, description="bound of one poll task")
    receive_wait_seconds: int = Field(5, ge=0, le=20, description="long poll; SQS allows 20, a quick stop wants less")
    shutdown_seconds: float = Field(25, gt=0, le=600, description="the worker ends after this long whatever happens")

    health_file: Name = Field(
        "/tmp/email-activity.poll",  # noqa: S108  neither written nor read through a link; holds no personal data
        description="whether the worker polls, in its own words; read by `email-activity health`",
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
    def tracked(self) -> frozenset[str]:
        """Document types in lower case; empty means all mail."""
        return _listed(self.tracked_document_types.lower()) - {EVERYTHING}

    @property
    def trusted_accounts(self) -> frozenset[str]:
        """AWS account ids; empty means all."""
        return _listed(self.trusted_aws_accounts)

    @property
    def trusted_sets(self) -> frozenset[str]:
        """Names of configuration sets; empty means all, and mail without one."""
        return _listed(self.trusted_configuration_sets)

    @property
    def retention(self) -> timedelta:
        return timedelta(days=self.retention_days)

    def shown(self) -> dict[str, Any]:
        """Every variable and its value, with passwords hidden."""
        values = self.model_dump() | {"celery_broker_url": self.broker_url}
        return {name.upper(): hide_password(value) if "url" in name else value for name, value in values.items()}


def load_settings(**overrides: Any) -> Settings:
    """Settings from the environment; overrides, by field name, win. Raises SettingsError."""
    try:
        return Settings(**overrides)
    except ValidationError as error:
        raise SettingsError("\n".join(map(_line, error.errors()))) from None


def _line(error: Any) -> str:
    """`BATCH_SIZE: got '0', want an input greater than or equal to 1`"""
    message = error["msg"].removeprefix("Value error, ")
    if not error["loc"]:
        return str(message)
    name, wanted = str(error["loc"][0]), message.removeprefix("Input should be ")
    value = hide_password(error["input"]) if "url" in name else error["input"]
    return f"{name.upper()}: got {value!r}, want {wanted}"


def hide_password(value: Any) -> Any:
    """`redis://user:secret@host` -> `redis://***@host`; what is no URL may hold a password too.

    Of the options behind the `?` only those that hold no secret are shown.
    """
    if not isinstance(value, str):
        return value
    address, question, query = value.partition("?")
    shown = re.sub(r"^([a-z]+:?//)?.*@", r"\1***@", address, flags=re.DOTALL)
    shown = re.sub(r"^([a-z]+://[^:/\[]*):(?!\d{1,5}(?:/|$)).*", r"\1:***", shown, flags=re.DOTALL)  # no port
    if not question:
        return shown
    if "@" in query:  # the ? stood in a password
        return "***@" + query.rpartition("@")[2].partition("?")[0]
    return f"{shown}?" + "&".join(each if OPEN_OPTION.fullmatch(each) else "***" for each in query.split("&"))
