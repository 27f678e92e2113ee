"""What provisioning hands back: what is there now, and what the worker needs to know of it."""

from dataclasses import dataclass

from email_activity.provision.checks import Check


@dataclass(frozen=True, slots=True, kw_only=True)
class Provisioned:
    region: str
    endpoint_url: str | None
    queue_url: str
    dead_letter_queue_url: str
    table_name: str
    topic_arn: str | None
    configuration_set: str
    worker_policy_arn: str | None
    reader_policy_arn: str | None
    operator_policy_arn: str | None
    changed: bool
    adopted_table: bool
    checks: tuple[Check, ...]

    @property
    def ok(self) -> bool:
        return all(check.ok for check in self.checks)

    def environment(self) -> dict[str, str]:
        """The worker's settings."""
        settings = {"AWS_REGION": self.region}
        if self.endpoint_url:
            settings["AWS_ENDPOINT_URL"] = self.endpoint_url
        return settings | {
            "EVENTS_QUEUE": self.queue_url,
            "DEAD_LETTER_QUEUE": self.dead_letter_queue_url,
            "ACTIVITY_TABLE": self.table_name,
        }

    def as_dict(self) -> dict[str, object]:
        return {
            "ok": self.ok,
            "changed": self.changed,
            "environment": self.environment(),
            "configuration_set": self.configuration_set,
            "topic_arn": self.topic_arn,
            "worker_policy_arn": self.worker_policy_arn,
            "reader_policy_arn": self.reader_policy_arn,
            "operator_policy_arn": self.operator_policy_arn,
            "adopted_table": self.adopted_table,
            "checks": [check.as_dict() for check in self.checks],
        }


@dataclass(frozen=True, slots=True)
class Removed:
    stack: bool
    table_deleted: bool
    table_kept: bool
