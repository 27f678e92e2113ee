"""The indexes of the table: where those who write, read and provision it meet. Pure.

Each has key attributes of its own names, so that no other fact slips into it, and holds keys only.
"""

from collections.abc import Mapping
from typing import Any

from email_activity.settings import SettingsError

#: Index: its partition key, its sort key.
INDEXES: Mapping[str, tuple[str, str]] = {
    "by_document": ("document", "sent_key"),
    "by_recipient": ("mail_recipient", "sent_key"),
    "by_account": ("account", "sent_key"),
    "by_failure": ("failure_account", "failure_time"),
    "by_failure_day": ("failure_day", "failure_time"),
}


def refuse_older(described: Mapping[str, Any]) -> None:
    """described: `Table` of DynamoDB's DescribeTable. Raises SettingsError for a table of an older shape.

    A put would succeed all the same, and no reader would find its fact by the missing index.
    """
    there = {index["IndexName"] for index in described.get("GlobalSecondaryIndexes", ())}
    missing = [name for name in INDEXES if name not in there]
    if missing:
        raise SettingsError(
            f"ACTIVITY_TABLE: got {described['TableName']!r}, which lacks the index {', '.join(missing)}, want a table "
            "of this version's shape: make one under another name with `email-activity provision`"
        )
