"""What is wanted: the template, the values of its parameters, and the names that it makes of them."""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal, Protocol

from email_activity.provision import push
from email_activity.provision.cloud import ProvisionError

if TYPE_CHECKING:
    from mypy_boto3_cloudformation.type_defs import ParameterTypeDef

Source = Literal["sns", "eventbridge"]

#: The template's own rule.
PREFIX = re.compile(r"[A-Za-z][A-Za-z0-9-]{2,47}")

#: The name of a bucket: the template's own rule.
BUCKET = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")

#: A topic that alarms may tell: the template's own rule.
TOPIC = re.compile(r"arn:[a-z-]+:sns:[a-z0-9-]+:\d{12}:[A-Za-z0-9_-]+")

#: The package's folder: in the wheel `template.yaml` is in it; in the source it is the neighbour `config/`.
PACKAGE = Path(__file__).resolve().parents[1]


def template() -> str:
    packed, in_source = PACKAGE / "template.yaml", PACKAGE.parents[1] / "config" / "template.yaml"
    return (packed if packed.exists() else in_source).read_text(encoding="utf-8")


class Wanted(Protocol):
    """Names, and what is wanted of what they name: all that the checks ask for. Names are not ARNs or URLs."""

    @property
    def queue(self) -> str: ...
    @property
    def dead_letter_queue(self) -> str: ...
    @property
    def table(self) -> str: ...
    @property
    def source(self) -> Source: ...
    @property
    def topic_or_rule(self) -> str: ...
    @property
    def configuration_set(self) -> str: ...
    @property
    def event_destination(self) -> str: ...
    @property
    def raw(self) -> bool: ...
    @property
    def max_receive_count(self) -> int: ...
    @property
    def visibility_timeout(self) -> int: ...
    @property
    def pipe(self) -> str: ...
    @property
    def push_to(self) -> str: ...
    @property
    def archive_stream(self) -> str: ...
    @property
    def kms_key(self) -> str: ...


@dataclass(frozen=True, slots=True)
class Deployment:
    """prefix: by itself the name of the stack, of the table and of SES's configuration set.

    push_to: the ARN of a topic or a bus, push_key: that of the key that it is encrypted with; empty for none.
    table_stream: the label of the stream of a table that the stack does not own. alarm_topic: the ARN of the SNS topic
    that alarms tell; empty for no alarms. archive: the name of the bucket that keeps all events; empty for none.
    kms_key: the ARN of the customer managed key that encrypts all that is kept; empty for AWS's own keys.
    """

    prefix: str = "email-activity"
    source: Source = "sns"
    raw: bool = False
    max_receive_count: int = 12
    visibility_timeout: int = 120
    push_to: str = ""
    push_key: str = ""
    table_stream: str = ""
    alarm_topic: str = ""
    archive: str = ""
    kms_key: str = ""

    def __post_init__(self) -> None:
        if not PREFIX.fullmatch(self.prefix):
            raise ProvisionError(
                f"the prefix {self.prefix!r} must be 3 to 48 letters, digits and hyphens, a letter first"
            )
        if self.push_to and not push.TARGET.fullmatch(self.push_to):
            raise ProvisionError(f"{self.push_to!r} is no ARN of an SNS topic or of an event bus")
        for key in filter(None, (self.push_key, self.kms_key)):
            if not push.KEY.fullmatch(key):
                raise ProvisionError(f"{key!r} is no ARN of a KMS key")
        if self.alarm_topic and not TOPIC.fullmatch(self.alarm_topic):
            raise ProvisionError(f"{self.alarm_topic!r} is no ARN of an SNS topic (a FIFO topic is none for alarms)")
        if self.archive and not BUCKET.fullmatch(self.archive):
            raise ProvisionError(f"{self.archive!r} is no name of an S3 bucket")
        if self.archive and self.source != "sns":
            raise ProvisionError("the archive is fed by SNS: leave out --archive, or --source eventbridge")

    @property
    def queue(self) -> str:
        return f"{self.prefix}-events"

    @property
    def dead_letter_queue(self) -> str:
        return f"{self.prefix}-dead-letters"

    @property
    def topic_or_rule(self) -> str:
        return f"{self.prefix}-events"

    @property
    def table(self) -> str:
        return self.prefix

    @property
    def configuration_set(self) -> str:
        return self.prefix

    @property
    def event_destination(self) -> str:
        return f"{self.prefix}-{self.source}"

    @property
    def pipe(self) -> str:
        return f"{self.prefix}-push"

    @property
    def archive_stream(self) -> str:
        return f"{self.prefix}-archive" if self.archive else ""

    def parameters(self, *, create_table: bool) -> "list[ParameterTypeDef]":
        values = {
            "Prefix": self.prefix,
            "Source": self.source,
            "RawMessageDelivery": str(self.raw).lower(),
            "MaxReceiveCount": str(self.max_receive_count),
            "VisibilityTimeoutSeconds": str(self.visibility_timeout),
            "CreateTable": str(create_table).lower(),
            "ActivityTarget": self.push_to,
            "ActivityTargetIsBus": str(push.is_bus(self.push_to)).lower(),
            "ActivityTargetKey": self.push_key,
            "TableStream": "" if create_table else self.table_stream,
            "AlarmTopic": self.alarm_topic,
            "ArchiveBucket": self.archive,
            "KmsKeyArn": self.kms_key,
        }
        return [{"ParameterKey": key, "ParameterValue": value} for key, value in values.items()]
