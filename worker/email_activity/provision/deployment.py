"""What is wanted: the template, the values of its parameters, and the names that it makes of them."""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from email_activity.provision.cloud import ProvisionError

if TYPE_CHECKING:
    from mypy_boto3_cloudformation.type_defs import ParameterTypeDef

Source = Literal["sns", "eventbridge"]

#: The template's own rule.
PREFIX = re.compile(r"[A-Za-z][A-Za-z0-9-]{2,47}")

#: The package's folder: in the wheel `template.yaml` is in it; in the source it is the neighbour `config/`.
PACKAGE = Path(__file__).resolve().parents[1]


def template() -> str:
    packed, in_source = PACKAGE / "template.yaml", PACKAGE.parents[1] / "config" / "template.yaml"
    return (packed if packed.exists() else in_source).read_text(encoding="utf-8")


@dataclass(frozen=True, slots=True)
class Deployment:
    """prefix: by itself the name of the stack, of the table and of SES's configuration set."""

    prefix: str = "email-activity"
    source: Source = "sns"
    raw: bool = False
    max_receive_count: int = 12
    visibility_timeout: int = 120

    def __post_init__(self) -> None:
        if not PREFIX.fullmatch(self.prefix):
            raise ProvisionError(
                f"the prefix {self.prefix!r} must be 3 to 48 letters, digits and hyphens, a letter first"
            )

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
    def event_destination(self) -> str:
        return f"{self.prefix}-{self.source}"

    def parameters(self, *, create_table: bool) -> "list[ParameterTypeDef]":
        values = {
            "Prefix": self.prefix,
            "Source": self.source,
            "RawMessageDelivery": str(self.raw).lower(),
            "MaxReceiveCount": str(self.max_receive_count),
            "VisibilityTimeoutSeconds": str(self.visibility_timeout),
            "CreateTable": str(create_table).lower(),
        }
        return [{"ParameterKey": key, "ParameterValue": value} for key, value in values.items()]
