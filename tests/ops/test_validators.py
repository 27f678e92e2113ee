"""Others' programs and models judge what `config/deploy/` and `localstack/` give them.

Kubernetes' and KEDA's are generated from their own schemas; `make lint` has cfn-lint for ECS.
"""

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from cloudcoil.models.keda import v1alpha1 as keda
from cloudcoil.models.kubernetes.apps import v1 as apps
from cloudcoil.models.kubernetes.core import v1 as core

from deployed import COMPOSE, KEDA, KUBERNETES, UNITS, documents

MODELS = {
    "v1": core,
    "apps/v1": apps,
    "keda.sh/v1alpha1": keda,
}


def ran(*command: str | Path) -> str:
    """What it says. Fails the test if it finds anything."""
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    return ended.stdout + ended.stderr


def check(document: dict[str, Any]) -> None:
    getattr(MODELS[document["apiVersion"]], document["kind"]).model_validate(document, extra="forbid")


@pytest.mark.parametrize(
    "document",
    [*documents(KUBERNETES), *documents(KEDA)],
    ids=lambda each: f"{each['kind']} {each['metadata']['name']}",
)
def test_kubernetes_and_keda_know_each_field(document: dict[str, Any]) -> None:
    check(document)


@pytest.mark.parametrize("wrong", [{"minReplicas": 2}, {"minReplicaCount": "two"}])
def test_a_field_that_keda_does_not_know_is_found(wrong: dict[str, Any]) -> None:
    (scaled,) = (each for each in documents(KEDA) if each["kind"] == "ScaledObject")
    with pytest.raises(ValueError, match=next(iter(wrong))):
        check({**scaled, "spec": {**scaled["spec"], **wrong}})


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.name)
def test_systemd_has_nothing_to_object_to(unit: Path, tmp_path: Path) -> None:
    """With the programs where they are here: it looks whether there are any."""
    here = tmp_path / unit.name
    here.write_text(unit.read_text().replace("/opt/email-activity/bin", str(Path(sys.executable).parent)))
    assert ran("systemd-analyze", "verify", "--man=no", "--recursive-errors=no", here) == ""


def test_compose_reads_it() -> None:
    ran("docker-compose", "--file", COMPOSE, "config", "--quiet")


def test_prometheus_reads_its_settings() -> None:
    ran("promtool", "check", "config", "--syntax-only", COMPOSE.parent / "watch" / "prometheus.yml")
