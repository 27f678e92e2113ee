"""What stand-ins for AWS leave out of the template, made by API instead.

LocalStack 4.9.2 says CREATE_COMPLETE of SES's resources and makes nothing; made through the first SES API they
work, and really publish Send and Delivery. ministack 1.5.33 stores what the template says, and publishes nothing.
"""

from typing import TYPE_CHECKING, cast

from botocore.exceptions import ClientError

from email_activity.domain.kinds import KINDS
from email_activity.provision import table
from email_activity.provision.cloud import Cloud, ProvisionError, code, is_unknown_call
from email_activity.provision.deployment import Deployment

if TYPE_CHECKING:
    from collections.abc import Callable

    from mypy_boto3_ses.literals import EventTypeType

ALREADY_THERE = frozenset({"ConfigurationSetAlreadyExists", "EventDestinationAlreadyExists"})
NOT_THERE = frozenset({"ConfigurationSetDoesNotExist", "EventDestinationDoesNotExist"})


def complete(cloud: Cloud, wanted: Deployment, topic_arn: str | None) -> None:
    table.complete(cloud, wanted.table)
    _unless(
        ALREADY_THERE,
        lambda: cloud.ses.create_configuration_set(ConfigurationSet={"Name": wanted.configuration_set}),
    )
    if topic_arn:
        # Not updated in place, which LocalStack does not know. Its names are unique over all configuration sets.
        forget_destination(cloud, wanted)
        _unless(
            ALREADY_THERE,
            lambda: cloud.ses.create_configuration_set_event_destination(
                ConfigurationSetName=wanted.configuration_set,
                EventDestination={
                    "Name": wanted.event_destination,
                    "Enabled": True,
                    # The types know the eight kinds of 2016; stand-ins take all ten.
                    "MatchingEventTypes": cast("list[EventTypeType]", [kind.event_type for kind in KINDS]),
                    "SNSDestination": {"TopicARN": topic_arn},
                },
            ),
        )


def protect_table(cloud: Cloud, wanted: Deployment) -> None:
    """Before a stack goes: LocalStack deletes its table in spite of DeletionPolicy, unless it is protected."""
    found = table.describe(cloud, wanted.table)
    if found and not found.get("DeletionProtectionEnabled"):
        table.complete(cloud, wanted.table)
        found = table.describe(cloud, wanted.table)
        if not (found and found.get("DeletionProtectionEnabled")):
            raise ProvisionError(
                f"this stand-in cannot protect the table {wanted.table} while its stack is deleted; "
                "delete the table first if it may go, or choose another prefix"
            )


def forget(cloud: Cloud, wanted: Deployment) -> None:
    """Remove what the stack's deletion leaves, since the stack does not know of it."""
    forget_destination(cloud, wanted)
    _unless(
        NOT_THERE,
        lambda: cloud.ses.delete_configuration_set(ConfigurationSetName=wanted.configuration_set),
    )


def forget_destination(cloud: Cloud, wanted: Deployment) -> None:
    _unless(
        NOT_THERE,
        lambda: cloud.ses.delete_configuration_set_event_destination(
            ConfigurationSetName=wanted.configuration_set, EventDestinationName=f"{wanted.prefix}-sns"
        ),
    )


def _unless(codes: frozenset[str], call: "Callable[[], object]") -> None:
    try:
        call()
    except ClientError as error:
        if code(error) not in codes and not is_unknown_call(error):
            raise
