"""Whether SQS, Redis and DynamoDB answer: probed for the circuit breaker, and written to the health file."""

import math
from collections.abc import Callable

from email_activity.domain.errors import TransientError
from email_activity.ingest.circuit_breaker import CircuitBreaker, Dependency
from email_activity.ingest.health import Health, HealthFile, ReportState, State, report_alone
from email_activity.ingest.queue import QueueFinder
from email_activity.ingest.table_identity import TableIdentity
from email_activity.redis_client.commands import RedisCommands
from email_activity.settings import Settings, SettingsError
from email_activity.telemetry import log


class Dependencies:
    """Shared by the threads of a process."""

    def __init__(
        self,
        settings: Settings,
        queue: QueueFinder,
        redis: RedisCommands,
        table: TableIdentity,
        report_state: ReportState = report_alone,
    ) -> None:
        dependencies = {
            # A receive is a probe by itself, and takes nothing from a queue that fails.
            "sqs": Dependency(self._reporting(queue.probe), lasts=math.inf),
            "redis": Dependency(self._reporting(redis.probe)),
            "dynamodb": Dependency(self._reporting(table.probe)),
        }
        self.breaker = CircuitBreaker(dependencies, settings.receive_wait_seconds)
        self._file = HealthFile(settings.health_file, report_state)
        self._logged: dict[str, str] = {}

    def allows_receive(self) -> bool:
        """By the breaker; what is waited for is reported, if not."""
        if self.breaker.allows_receive():
            return True
        failing = [Health.of(error) for error in self.breaker.failures()]
        refused = [health for health in failing if health.state is State.WRONG_SETTING]
        self._report(next(iter(refused or failing), Health(State.WAITING, "answers of SQS, Redis and DynamoDB")))
        return False

    def record_polling(self) -> None:
        self._logged.pop("setting", None)
        self._report(Health(State.POLLING))

    def record_failure(self, error: TransientError) -> None:
        self.breaker.record_failure(error)
        self._report(Health.of(error))

    def record_wrong_setting(self, error: SettingsError) -> None:
        self._report(Health(State.WRONG_SETTING, str(error)))
        self._log_once("setting", error)

    def _reporting(self, probe: Callable[[], None]) -> Callable[[], None]:
        """Each failure at once: if all three are silent, to probe them takes longer than the health check waits."""

        def reporting_probe() -> None:
            try:
                probe()
            except TransientError as error:
                self._report(Health.of(error))
                raise

        return reporting_probe

    def _report(self, health: Health) -> None:
        try:
            self._file.write(health)
        except OSError as error:
            self._log_once("health file", error)

    def _log_once(self, subject: str, error: Exception) -> None:
        """A poll comes every second."""
        if self._logged.get(subject) != str(error):
            self._logged[subject] = str(error)
            log.error("cannot_poll", detail=str(error))
