"""The table by itself: whether one that is there can be taken over, what a stand-in forgot, its deletion."""

from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from email_activity.domain import indexes as shape
from email_activity.provision.cloud import Cloud, ProvisionError, code, is_unknown_call

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from mypy_boto3_dynamodb.type_defs import KeySchemaElementTypeDef, TableDescriptionTypeDef

KEYS = "pk, sk"

#: Name: partition key, sort key. What the readers and the writer of facts rely on.
INDEXES: "Mapping[str, str]" = {name: ", ".join(keys) for name, keys in shape.INDEXES.items()}

EXPIRY = "expires_at"


def describe(cloud: Cloud, name: str) -> "TableDescriptionTypeDef | None":
    try:
        return cloud.dynamodb.describe_table(TableName=name)["Table"]
    except cloud.dynamodb.exceptions.ResourceNotFoundException:
        return None


def refuse_if_other(found: "TableDescriptionTypeDef") -> None:
    """A table of another shape is somebody else's, or an older release's: neither may be written to."""
    have = indexes(found)
    faults = [f"its keys are {keys(found['KeySchema'])}, not {KEYS}"] if keys(found["KeySchema"]) != KEYS else []
    for name, wanted in INDEXES.items():
        if name not in have:
            faults.append(f"the index {name}({wanted}) is missing")
        elif have[name] != f"{wanted}, KEYS_ONLY":
            faults.append(f"the index {name} is ({have[name]}), not ({wanted}, KEYS_ONLY)")
    if faults:
        raise ProvisionError(
            f"the table {found['TableName']} exists and cannot be adopted: {'; '.join(faults)}. "
            "Choose another prefix, or mend the table"
        )


def keys(schema: "Sequence[KeySchemaElementTypeDef]") -> str:
    return ", ".join(part["AttributeName"] for part in sorted(schema, key=lambda part: part["KeyType"]))


def indexes(found: "TableDescriptionTypeDef") -> dict[str, str]:
    return {
        index["IndexName"]: f"{keys(index['KeySchema'])}, {index['Projection']['ProjectionType']}"
        for index in found.get("GlobalSecondaryIndexes", [])
    }


def complete(cloud: Cloud, name: str) -> None:
    """Set what the CloudFormation of stand-ins leaves out. What one does not know, the checks tell."""
    dynamodb = cloud.dynamodb
    expiry = dynamodb.describe_time_to_live(TableName=name)["TimeToLiveDescription"]
    if not expiry.get("TimeToLiveStatus", "").startswith("ENABL"):
        spec = {"Enabled": True, "AttributeName": EXPIRY}
        _if_known(lambda: dynamodb.update_time_to_live(TableName=name, TimeToLiveSpecification=spec))  # type: ignore[arg-type]
    _if_known(
        lambda: dynamodb.update_continuous_backups(
            TableName=name, PointInTimeRecoverySpecification={"PointInTimeRecoveryEnabled": True}
        )
    )
    found = describe(cloud, name) or {}
    if not found.get("SSEDescription"):
        _if_known(lambda: dynamodb.update_table(TableName=name, SSESpecification={"Enabled": True}))
    if not found.get("DeletionProtectionEnabled"):
        _if_known(lambda: dynamodb.update_table(TableName=name, DeletionProtectionEnabled=True))


def delete(cloud: Cloud, name: str) -> bool:
    """Whether there was one to delete."""
    found = describe(cloud, name)
    if not found:
        return False
    if found.get("DeletionProtectionEnabled"):
        cloud.dynamodb.update_table(TableName=name, DeletionProtectionEnabled=False)
        cloud.dynamodb.get_waiter("table_exists").wait(TableName=name, WaiterConfig={"Delay": 2})
    cloud.dynamodb.delete_table(TableName=name)
    cloud.dynamodb.get_waiter("table_not_exists").wait(TableName=name, WaiterConfig={"Delay": 2})
    return True


def _if_known(call: "Callable[[], object]") -> None:
    try:
        call()
    except ClientError as error:
        if not is_unknown_call(error) and code(error) != "ValidationException":
            raise
