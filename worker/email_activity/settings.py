"""Settings, read from the environment once at start, typed and checked.

`email-activity config` prints what is in force; `config/example.env` documents every variable.
"""

import re
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


def _url(*schemes: str) -> AfterValidator:
    def check(value: str) -> str:
        scheme, separator, rest = value.partition("://")
        if scheme not in schemes or not separator or not rest:
            raise ValueError("a URL that starts with " + " or ".join(f"{scheme}://" for scheme in schemes))
        return value

    return AfterValidator(check)


def _redis(*others: str) -> AfterValidator:
    starts = ("redis://", "rediss://")

    def check(value: str) -> str:
        if value in others:
            return value
        if not value.startswith(starts):
            raise ValueError(" or ".join(("a URL that starts with redis:// or rediss://", *others)))
        read_redis_url(value)
        return value

    return AfterValidator(check)


def _split(value: str) -> str:
    if not _names(value) or (EVERYTHING in _names(value) and len(_names(value)) > 1):
        raise ValueError("a comma-separated list of document types, or * for all")
    return value


def _names(value: str) -> frozenset[str]:
    return frozenset(name.strip().lower() for name in value.split(",") if name.strip())


def _each(pattern: str, wanted: str) -> AfterValidator:
    """A comma-separated list, of which each is as the pattern has it."""

    def check(value: str) -> str:
        names = _listed(value)
        if not names or not all(re.fullmatch(pattern, name, re.ASCII) for name in names):
            raise ValueError(wanted)
        return value

    return AfterValidator(check)


def _listed(value: str | None) -> frozenset[str]:
    return frozenset(name.strip() for name in (value or "").split(",") if name.strip())


Name = Annotated[str, Field(min_length=1, max_length=256)]
HttpUrl = Annotated[str, _url("http", "https")]
StoreUrl = Annotated[str, _redis()]
BrokerUrl = Annotated[str, _redis(MEMORY)]


class Settings(BaseSettings):
    """Field names are the variables' names in lower case. Durations are in the unit that the name says."""

    model_config = SettingsConfigDict(frozen=True, env_ignore_empty=True, extra="ignore", case_sensitive=False)

    aws_region: Annotated[Name, Field(description="AWS region of the queue and the table")] = "us-east-1"
    aws_endpoint_url: Annotated[HttpUrl | None, Field(description="stand-in for AWS; unset on AWS")] = None
    aws_direct_calls: Annotated[
        bool, Field(description="make the most frequent calls without botocore's layers, in a third of the CPU")
    ] = True

    events_queue: Annotated[Name, Field(description="SQS queue to poll: name or URL")] = "email-activity-events"
    dead_letter_queue: Annotated[
        Name | None, Field(description="name or URL; found from the queue's redrive policy when not set")
    ] = None
    activity_table: Annotated[Name, Field(description="DynamoDB table")] = "email-activity"
    redis_url: Annotated[StoreUrl, Field(description="Redis 7 or Valkey, for duplicates; a cluster serves")] = (
        "redis://localhost:6379/0"
    )
    celery_broker_url: Annotated[
        BrokerUrl | None,
        Field(description="Redis for Celery's remote control, no cluster; REDIS_URL when not set; memory:// for none"),
    ] = None

    tracked_document_types: Annotated[
        str, AfterValidator(_split), Field(description="comma-separated; * records all mail")
    ] = "invoice"
    document_type_tag: Annotated[Name, Field(description="message tag that holds the document type")] = "document_type"
    document_type_header: Annotated[Name, Field(description="header that does, where no tag does")] = "X-Document-Type"
    document_id_tag: Annotated[Name, Field(description="message tag that holds the document id")] = "document_id"
    document_id_header: Annotated[Name, Field(description="header that does, where no tag does")] = "X-Document-Id"
    account_id_tag: Annotated[Name, Field(description="message tag that holds your customer's id")] = "account_id"
    account_id_header: Annotated[Name, Field(description="header that does, where no tag does")] = "X-Account-Id"
    trusted_aws_accounts: Annotated[
        Annotated[str, _each("[0-9]{12}", "comma-separated AWS account ids of 12 digits")] | None,
        Field(description="comma-separated; events of other AWS accounts are quarantined; all when not set"),
    ] = None
    trusted_configuration_sets: Annotated[
        Annotated[str, _each("[A-Za-z0-9_-]{1,64}", "comma-separated names of SES's configuration sets")] | None,
        Field(description="comma-separated; events of others, or of none, are quarantined; all when not set"),
    ] = None
    store_subject: Annotated[bool, Field(description="keep the subject line in the table")] = True

    retention_days: Annotated[int, Field(ge=1, le=36_500, description="facts expire so long after sending")] = 365
    dedupe_window_seconds: Annotated[
        int, Field(ge=60, le=14 * 86_400, description="how long Redis remembers what is stored")
    ] = 86_400
    lease_seconds: Annotated[
        int, Field(ge=5, le=43_200, description="how long a claim holds; less than the visibility timeout")
    ] = 60

    batch_size: Annotated[int, Field(ge=1, le=1_000, description="messages per batch")] = 70
    threads_per_process: Annotated[int, Field(ge=1, le=64, description="polling threads in each process at most")] = 24
    poll_seconds: Annotated[float, Field(gt=0, le=300, description="bound of one poll task")] = 30
    receive_wait_seconds: Annotated[
        int, Field(ge=0, le=20, description="long poll; SQS allows 20, a quick stop wants less")
    ] = 5
    shutdown_seconds: Annotated[
        float, Field(gt=0, le=600, description="the worker ends after this long whatever happens")
    ] = 25

    health_file: Annotated[
        Name, Field(description="whether the worker polls, in its own words; read by `email-activity health`")
    ] = "/tmp/email-activity.poll"  # noqa: S108  neither written nor read through a link; holds no personal data
    log_level: Annotated[
        Literal["debug", "info", "warning", "error"], Field(description="debug, info, warning or error")
    ] = "info"
    log_format: Annotated[
        Literal["auto", "json", "console"], Field(description="auto: colours on a terminal, else JSON")
    ] = "auto"

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
        return frozenset() if self.tracked_document_types.strip() == EVERYTHING else _names(self.tracked_document_types)

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
    given = hide_password(error["input"]) if "url" in name else error["input"]
    return f"{name.upper()}: got {given!r}, want {wanted}"


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
