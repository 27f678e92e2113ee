"""The objects that one process of a worker consists of. Made after the fork: connections must not be shared over it."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Self

from email_activity.aws.clients import dynamodb_client, log_if_not_fast, sqs_client
from email_activity.domain.tombstones import PersonKey
from email_activity.ingest.certificates import Certificates
from email_activity.ingest.claims import Claims
from email_activity.ingest.crash_suspects import CrashSuspects
from email_activity.ingest.dependencies import Dependencies
from email_activity.ingest.health import ReportState, report_alone
from email_activity.ingest.heartbeat import Heartbeat
from email_activity.ingest.pipeline import Pipeline
from email_activity.ingest.queue import QueueFinder
from email_activity.ingest.receive import Receiver
from email_activity.ingest.reported_kinds import ReportedKinds
from email_activity.ingest.settle import Settler
from email_activity.ingest.signatures import Signatures
from email_activity.ingest.store import Store
from email_activity.ingest.table_identity import TableIdentity, ThisProcess
from email_activity.ingest.tombstones import Tombstones
from email_activity.ingest.writes import Writes
from email_activity.redis_client.commands import RedisCommands
from email_activity.ses.tracking_policy import tracking_policy
from email_activity.settings import Settings
from email_activity.telemetry import log

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_sqs import SQSClient


class Components:
    def __init__(  # noqa: PLR0913, PLR0917  connections, and what the process that hosts it gives
        self,
        settings: Settings,
        stopping: Callable[[], bool],
        sqs: "SQSClient",
        dynamodb: "DynamoDBClient",
        redis: RedisCommands,
        report_state: ReportState = report_alone,
    ) -> None:
        self._settings = settings
        self._stopping = stopping
        self._sqs = sqs
        self._dynamodb = dynamodb
        self._redis = redis
        self._heartbeat = Heartbeat()
        self._writes = Writes()
        self._signatures = Signatures(settings.sns_signatures, Certificates())
        self._reported_kinds = ReportedKinds(settings.retention)
        self._is_logged = False
        key = PersonKey(settings.forget_key.get_secret_value()) if settings.forget_key else None
        self._tombstones = Tombstones(self._dynamodb, settings.activity_table, key)
        self.this_process = ThisProcess(self._tombstones)
        self.queue_finder = QueueFinder(self._sqs, settings)
        self.table_identity = TableIdentity(self._dynamodb, settings.activity_table, self.this_process)
        self.dependencies = Dependencies(settings, self.queue_finder, redis, self.table_identity, report_state)

    @classmethod
    def connect(
        cls, settings: Settings, stopping: Callable[[], bool], report_state: ReportState = report_alone
    ) -> Self:
        sqs, dynamodb = sqs_client(settings), dynamodb_client(settings)
        log_if_not_fast(settings, sqs, dynamodb)
        return cls(settings, stopping, sqs, dynamodb, RedisCommands(settings.redis), report_state)

    def pipeline(self) -> Pipeline:
        """For one poll, on the queue and the table that there are now. Raises SettingsError, TransientError."""
        settings = self._settings
        queue = self.queue_finder.find()
        self.table_identity.refresh()
        self._tombstones.read(self.table_identity.current().generation)
        if not self._is_logged:  # so that a log without batches tells an idle worker from one that never began
            self._is_logged = True
            log.info("polling", queue=queue.name, table=settings.activity_table)
        return Pipeline(
            receiver=Receiver(self._sqs, queue.url, settings, self._stopping),
            policy=tracking_policy(settings),
            signatures=self._signatures,
            new_claims=lambda namespace: Claims(
                self._redis, namespace, settings.lease_seconds, settings.dedupe_window_seconds
            ),
            table=Store(self._dynamodb, settings.activity_table),
            table_identity=self.table_identity,
            settler=Settler(self._sqs, queue),
            breaker=self.dependencies.breaker,
            heartbeat=self._heartbeat,
            reported_kinds=self._reported_kinds,
            this_process=self.this_process,
            crash_suspects=CrashSuspects(self._redis),
            writes=self._writes,
            tombstones=self._tombstones,
        )
