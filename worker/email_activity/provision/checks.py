"""Does what is there look as it was wanted? Asked of the services themselves, not of CloudFormation.

CloudFormation remembers what it was told. Somebody's change by hand, and what a stand-in silently left out, show
only here.
"""

from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from typing import Literal

from botocore.exceptions import ClientError

from email_activity.provision import findings
from email_activity.provision.cloud import Cloud, code, is_unknown_call
from email_activity.provision.deployment import Deployment

Look = Callable[[Cloud, Deployment], Iterator[findings.Finding]]

LOOKS: dict[str, Look] = {
    "queue": findings.of_queue,
    "dead-letter queue": findings.of_dead_letter_queue,
    "table": findings.of_table,
    "expiry": findings.of_expiry,
    "point-in-time recovery": findings.of_recovery,
    "configuration set": findings.of_configuration_set,
}
LOOKS_BY_SOURCE: dict[str, dict[str, Look]] = {
    "sns": {"topic": findings.of_topic, "subscription": findings.of_subscription},
    "eventbridge": {"rule": findings.of_rule},
}


@dataclass(frozen=True, slots=True)
class Check:
    name: str
    wanted: str
    got: str
    state: Literal["ok", "failed", "not supported"]

    @property
    def ok(self) -> bool:
        return self.state != "failed"

    def as_dict(self) -> dict[str, str]:
        return asdict(self)


def inspect(cloud: Cloud, wanted: Deployment) -> list[Check]:
    looks = LOOKS | LOOKS_BY_SOURCE[wanted.source]
    return [check for name, look in looks.items() for check in _look(name, look, cloud, wanted)]


def _look(name: str, look: Look, cloud: Cloud, wanted: Deployment) -> Iterator[Check]:
    try:
        for what, want, got in look(cloud, wanted):
            yield _check(cloud, f"{name}: {what}" if what else name, want, got)
    except ClientError as error:
        got = None if cloud.is_stand_in and is_unknown_call(error) else code(error)
        yield _check(cloud, name, "readable", got)


def _check(cloud: Cloud, name: str, wanted: str, got: str | None) -> Check:
    if got is None:
        return Check(name, wanted, "not told", "not supported" if cloud.is_stand_in else "failed")
    return Check(name, wanted, got, "ok" if got == wanted else "failed")
