"""What `config/deploy/` and `localstack/compose.yaml` start, in one form whatever starts it."""

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from email_activity.provision.roles import Loader

ROOT = Path(__file__).resolve().parents[1]
DEPLOY = ROOT / "config" / "deploy"
KUBERNETES = DEPLOY / "kubernetes.yaml"
KEDA = DEPLOY / "keda.yaml"
ECS = DEPLOY / "ecs.yaml"
UNITS = sorted(DEPLOY.glob("*.service"))
COMPOSE = ROOT / "localstack" / "compose.yaml"

UNIT_OF_MEMORY = {"Mi": 1, "M": 1, "Gi": 1024, "G": 1024, "": 1}


@dataclass(frozen=True)
class Started:
    """grace: seconds from SIGTERM to SIGKILL. memory: MB at most. ports: that are said to be listened on."""

    command: list[str]
    environment: dict[str, Any]
    grace: float | None
    memory: int | None
    ports: set[int]

    @property
    def is_worker(self) -> bool:
        return "worker" in self.command

    @property
    def processes(self) -> int:
        return int(self.command[self.command.index("--concurrency") + 1])


def documents(path: Path) -> list[dict[str, Any]]:
    return list(yaml.safe_load_all(path.read_text()))


def ecs() -> dict[str, Any]:
    return yaml.load(ECS.read_text(), Loader)  # noqa: S506  a SafeLoader


def started() -> dict[str, Started]:
    """By where it stands. Not what is others' images."""
    return dict((*_on_ecs(), *_on_kubernetes(), *_by_systemd(), *_by_compose()))


def _mb(text: str) -> int:
    number, unit = re.fullmatch(r"(\d+)(\w*)", str(text)).groups()
    return int(number) * UNIT_OF_MEMORY[unit]


def _on_ecs() -> Iterator[tuple[str, Started]]:
    template = ecs()

    def value(of: Any) -> Any:
        """Of a parameter its default."""
        return template["Parameters"].get(of.get("Ref"), {}).get("Default", "") if isinstance(of, dict) else of

    def where_true(of: dict[str, Any]) -> Any:
        """What it is where its condition holds."""
        return of["Fn::If"][1] if "Fn::If" in of else of

    for name, resource in template["Resources"].items():
        if resource["Type"] == "AWS::ECS::TaskDefinition":
            task = resource["Properties"]
            (container,) = task["ContainerDefinitions"]
            yield (
                f"ECS {name}",
                Started(
                    [str(value(each)) for each in container["Command"]],
                    {each["Name"]: value(each["Value"]) for each in container["Environment"]}
                    | {where_true(each)["Name"]: None for each in container.get("Secrets", ())},
                    container.get("StopTimeout"),
                    _mb(value(task["Memory"])),
                    {each["ContainerPort"] for each in container.get("PortMappings", ())},
                ),
            )


def _on_kubernetes() -> Iterator[tuple[str, Started]]:
    found = documents(KUBERNETES)
    (settings,) = (each["data"] for each in found if each["kind"] == "ConfigMap")
    for each in found:
        if each["kind"] == "Deployment":
            pod = each["spec"]["template"]["spec"]
            (container,) = pod["containers"]
            yield (
                f"Kubernetes {each['metadata']['name']}",
                Started(
                    container["command"],
                    settings | {variable["name"]: None for variable in container["env"]},
                    pod["terminationGracePeriodSeconds"],
                    _mb(container["resources"]["requests"]["memory"]),
                    {port["containerPort"] for port in container["ports"]},
                ),
            )


def _by_systemd() -> Iterator[tuple[str, Started]]:
    for unit in UNITS:
        lines = dict(line.split("=", 1) for line in unit.read_text().splitlines() if "=" in line and line[0] != "#")
        yield (
            unit.name,
            Started(
                shlex.split(lines["ExecStart"]),
                dict(each.split("=", 1) for each in shlex.split(lines.get("Environment", ""))),
                float(lines["TimeoutStopSec"]),
                _mb(lines["MemoryMax"]),
                set(),
            ),
        )


def _by_compose() -> Iterator[tuple[str, Started]]:
    for name, service in yaml.safe_load(COMPOSE.read_text())["services"].items():
        if service["image"] == "email-activity":
            grace = service.get("stop_grace_period")
            yield (
                f"compose {name}",
                Started(
                    # That of the image.
                    service.get("command", ["celery", "worker"]),
                    service["environment"],
                    float(grace.removesuffix("s")) if grace else None,
                    None,
                    {int(port.split(":")[-1]) for port in service.get("ports", ())},
                ),
            )
