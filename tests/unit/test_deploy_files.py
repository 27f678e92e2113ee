"""What `config/deploy/` and `localstack/compose.yaml` start fits the program: settings, ports, stops, memory."""

import json
import re

import pytest
import yaml

from deployed import COMPOSE, KEDA, KUBERNETES, ROOT, Started, documents, ecs, started
from email_activity.cli.web import web
from email_activity.settings import Settings, load_settings
from email_activity.web.server import STOP_SECONDS
from email_activity.web.settings import WebSettings

STARTED = started()
WORKERS = {where: each for where, each in STARTED.items() if each.is_worker}
WEBS = {where: each for where, each in STARTED.items() if "web" in each.command}

SETTINGS = {name.upper() for fields in (Settings, WebSettings) for name in fields.model_fields}
#: boto3's own.
CREDENTIALS = {"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"}

#: MB of a process, at most.
PROCESS = 160

SCALING = (ROOT / "docs" / "scaling.md").read_text()


def test_each_way_starts_a_worker_and_a_page() -> None:
    assert {where.partition(" ")[0] for where in STARTED if " " in where} == {"ECS", "Kubernetes", "compose"}
    assert len(WORKERS) == len(WEBS) == 4


@pytest.mark.parametrize("where", STARTED)
def test_each_variable_is_a_setting(where: str) -> None:
    assert STARTED[where].environment.keys() <= SETTINGS | CREDENTIALS


@pytest.mark.parametrize("where", [where for where in WORKERS if not where.endswith(".service")])
def test_the_values_are_ones_that_a_worker_starts_with(where: str) -> None:
    given = {name.lower(): value for name, value in WORKERS[where].environment.items() if value}
    load_settings(**{name: value for name, value in given.items() if name in Settings.model_fields})


@pytest.mark.parametrize("where", [where for where in WORKERS if where.startswith(("ECS", "Kubernetes"))])
def test_what_the_operator_decides_has_a_place(where: str) -> None:
    assert {"TRACKED_DOCUMENT_TYPES", "FORGET_KEY", "REDIS_URL"} <= WORKERS[where].environment.keys()


@pytest.mark.parametrize("each", WORKERS.values(), ids=WORKERS)
def test_a_worker_has_longer_to_stop_than_it_takes_at_most(each: Started) -> None:
    bound = float(each.environment.get("SHUTDOWN_SECONDS", Settings.model_fields["shutdown_seconds"].default))
    assert each.grace is not None
    assert each.grace >= bound + 5


@pytest.mark.parametrize("each", WEBS.values(), ids=WEBS)
def test_a_page_has_longer_to_stop_than_it_takes_at_most(each: Started) -> None:
    assert each.grace is None or each.grace > STOP_SECONDS


@pytest.mark.parametrize("where", [where for where in WORKERS if not where.startswith("compose")])
def test_a_worker_has_memory_for_each_of_its_processes_and_the_main_one(where: str) -> None:
    each = WORKERS[where]
    assert each.memory is not None
    assert each.memory >= PROCESS * (each.processes + 1)


@pytest.mark.parametrize("each", WORKERS.values(), ids=WORKERS)
def test_metrics_are_asked_for_at_the_port_where_they_are(each: Started) -> None:
    assert each.ports == {int(each.environment["METRICS_PORT"])} if each.ports else True


@pytest.mark.parametrize("each", WEBS.values(), ids=WEBS)
def test_the_page_is_asked_for_at_the_port_where_it_is(each: Started) -> None:
    port = int(each.command[each.command.index("--port") + 1])
    assert port == next(option.default for option in web.params if option.name == "port")
    assert each.ports <= {port}


def test_probes_ask_for_ports_that_the_container_has() -> None:
    for each in documents(KUBERNETES):
        if each["kind"] == "Deployment":
            (container,) = each["spec"]["template"]["spec"]["containers"]
            asked = [probe["httpGet"] for name, probe in container.items() if name.endswith("Probe")]
            assert {probe["port"] for probe in asked} == {port["name"] for port in container["ports"]}
            assert {probe["path"] for probe in asked} == {"/live" if "worker" in container["command"] else "/healthz"}


def test_prometheus_asks_the_port_and_loads_the_files_that_there_are() -> None:
    services = yaml.safe_load(COMPOSE.read_text())["services"]
    watch = COMPOSE.parent / "watch"
    (job,) = yaml.safe_load((watch / "prometheus.yml").read_text())["scrape_configs"]
    (asked,) = job["dns_sd_configs"]
    assert asked["names"] == ["worker"]
    assert asked["port"] == int(services["worker"]["environment"]["METRICS_PORT"])
    for each in (*services["prometheus"]["volumes"], *services["grafana"]["volumes"]):
        assert (COMPOSE.parent / each.split(":")[0]).is_file(), each
    sources = {each["type"] for each in yaml.safe_load((watch / "datasources.yaml").read_text())["datasources"]}
    wanted = json.loads((ROOT / "config" / "grafana-dashboard.json").read_text())["templating"]["list"]
    assert {each["query"] for each in wanted if each["type"] == "datasource"} == sources


def test_the_backlog_of_a_worker_is_that_of_the_scaling_document() -> None:
    cores, rate, share = re.search(r"\((\d) cores x ([\d,]+) x (\d+) %\)", SCALING).groups()
    backlog = 10 * int(cores) * int(rate.replace(",", "")) * int(share) // 100
    (scaled,) = (each for each in documents(KEDA) if each["kind"] == "ScaledObject")
    assert int(scaled["spec"]["triggers"][0]["metadata"]["queueLength"]) == backlog
    assert ecs()["Parameters"]["BacklogPerWorker"]["Default"] == backlog
    for where in ("ECS WorkerTask", "Kubernetes email-activity-worker"):
        assert STARTED[where].processes == int(cores)
    names = {each["metadata"]["name"] for each in documents(KUBERNETES) if each["kind"] == "Deployment"}
    assert scaled["spec"]["scaleTargetRef"]["name"] in names
