"""Read units of what a reader does, as DynamoDB itself counts them.

A Query tells its own. A PartiQL statement's are not told by DynamoDB Local, so the emails that it named are read
again, with one Query each, and those are counted: DynamoDB charges what a partition's items come to, at least half a
unit for each partition.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from email_activity.domain.keys import email_key

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient


class Units:
    """Counts from now on; calls too."""

    def __init__(self, client: "DynamoDBClient", table: str) -> None:
        self._client = client
        self._table = table
        self._told: list[float] = []
        self._named: list[dict[str, str]] = []
        self._statements = 0
        client.meta.events.register("provide-client-params.dynamodb.Query", _ask)
        client.meta.events.register("after-call.dynamodb.Query", self._hear)
        client.meta.events.register("provide-client-params.dynamodb.ExecuteStatement", self._note)

    def total(self) -> tuple[float, int]:
        """Read units and calls since the start or the last total."""
        calls = len(self._told) + self._statements
        named, self._named, self._statements = self._named, [], 0
        for key in named:
            self._query(key)
        units, self._told = sum(self._told), []
        return units, calls

    def of_emails(self, email_ids: Sequence[str]) -> float:
        """What reading these takes."""
        self.total()
        for email_id in email_ids:
            self._query({"S": email_key(email_id)})
        return self.total()[0]

    def _query(self, key: dict[str, str]) -> None:
        asked = {"KeyConditionExpression": "pk = :pk", "ExpressionAttributeValues": {":pk": key}}
        answer = self._client.query(TableName=self._table, **asked)
        assert "LastEvaluatedKey" not in answer

    def _hear(self, parsed: dict[str, Any], **_: Any) -> None:
        self._told.append(parsed["ConsumedCapacity"]["CapacityUnits"])

    def _note(self, params: dict[str, Any], **_: Any) -> None:
        self._statements += 1
        if "NextToken" not in params:
            self._named += params["Parameters"]


def _ask(params: dict[str, Any], **_: Any) -> dict[str, Any]:
    return {**params, "ReturnConsumedCapacity": "TOTAL"}
