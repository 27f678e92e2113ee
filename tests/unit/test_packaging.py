"""What is installed: one package, beside whatever a product has, and a pure core that needs no service's library."""

import json
import os
import subprocess
import sys
import tomllib
import zipfile
from collections.abc import Iterable
from email.parser import BytesParser
from importlib import metadata
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[2]

#: What a product may have in the folder that it starts its workers in.
OF_A_PRODUCT = ("config/__init__.py", "worker.py", "settings.py", "domain.py", "demo.py", "celery.py")

#: argv: the packages and modules that do no input or output.
PURE = """
import importlib, pkgutil, sys
for name in ("boto3", "botocore", "celery", "kombu", "redis"):
    sys.modules[name] = None
for name in sys.argv[1:]:
    package = importlib.import_module(name)
    for module in pkgutil.iter_modules(getattr(package, "__path__", []), name + "."):
        importlib.import_module(module.name)
"""


#: The template is found, and by a module of the one that was installed.
TEMPLATE = """
from email_activity.provision import deployment
assert deployment.template()
print(deployment.__file__)
"""


#: The program without what is not installed. argv: names of modules that are not, as JSON; modules to import.
ALONE = """
import importlib, json, sys
for name in json.loads(sys.argv[1]):
    sys.modules[name] = None
from click.testing import CliRunner
import email_activity.celery
from email_activity.cli.main import COMMANDS, main
for name in sys.argv[2:]:
    importlib.import_module(name)
told = {name: CliRunner().invoke(main, [name, "--help"]) for name in COMMANDS}
web = ["web", "--port", "x"] if sys.argv[2:] else ["web"]
told |= {words[0]: CliRunner().invoke(main, words) for words in (["doctor", "--json"], web)}
print(json.dumps({name: [each.exit_code, each.output] for name, each in told.items()} | {"": email_activity.__file__}))
"""

#: What a person needs to know who has not installed it.
MISSING = "pip install 'email-activity[web]'"


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    build = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation"]
    subprocess.run([*build, "--wheel-dir", folder, ROOT], check=True, capture_output=True)
    (built,) = folder.glob("*.whl")
    return built


@pytest.fixture
def product(tmp_path: Path) -> Path:
    """The folder of a product whose own modules say so when they are imported."""
    for name in OF_A_PRODUCT:
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text("raise SystemExit('the product was imported: ' + __name__)")
    return tmp_path


def test_the_wheel_has_one_importable_package_and_the_template(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    assert {name.split("/")[0] for name in names if not name.split("/")[0].endswith(".dist-info")} == {"email_activity"}
    assert "email_activity/template.yaml" in names
    assert "email_activity/py.typed" in names


def test_each_list_of_others_comes_with_its_licence(wheel: Path) -> None:
    """Said by the list's first line, named in the metadata, its text beside the list; LGPL 3 adds to GPL 3."""
    archive = zipfile.ZipFile(wheel)
    lists = "email_activity/activity/engagement/lists/"
    heads = [
        json.loads(archive.open(name).readline())
        for name in archive.namelist()
        if name.startswith(lists) and name.endswith(".jsonl")
    ]
    licences = {head["licence"] for head in heads}
    assert licences == {"LGPL-3.0-or-later", "MIT"}
    (named,) = (name for name in archive.namelist() if name.endswith(".dist-info/METADATA"))
    stated = BytesParser().parse(archive.open(named))
    assert set(stated["License-Expression"].split(" AND ")) == {"Apache-2.0", *licences}
    for licence in (*licences, "GPL-3.0-or-later"):
        assert archive.read(f"{lists}LICENSES/{licence}.txt")
        assert any(path.endswith(f"LICENSES/{licence}.txt") for path in stated.get_all("License-File"))
    texts = archive.read(f"{lists}LICENSES/MIT.txt").decode()
    assert all(head["copyright"] in texts for head in heads if head["licence"] == "MIT")


@pytest.mark.parametrize("installed", ["wheel", "editable"])
def test_it_runs_in_a_folder_that_has_modules_of_like_names(
    installed: str, wheel: Path, product: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    environment = dict(os.environ)
    where = ROOT / "worker"
    if installed == "wheel":
        where = tmp_path_factory.mktemp("site")
        zipfile.ZipFile(wheel).extractall(where)
        environment["PYTHONPATH"] = str(where)
    program = Path(sys.executable).parent
    for command in (
        [program / "celery", "-A", "email_activity", "report"],
        [program / "email-activity", "config"],
        [sys.executable, "-P", "-c", TEMPLATE],
    ):
        done = subprocess.run(command, cwd=product, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
    assert Path(done.stdout.strip()).is_relative_to(where)


def installed_with(requirements: Iterable[str], extras: frozenset[str]) -> set[str]:
    """The distributions that pip would install for these, with what they require."""
    found: set[str] = set()
    for requirement in map(Requirement, requirements):
        name = canonicalize_name(requirement.name)
        environments = [{"extra": extra} for extra in extras or {""}]
        if requirement.marker and not any(map(requirement.marker.evaluate, environments)):
            continue
        found |= {name} | installed_with(metadata.requires(name) or (), frozenset(requirement.extras))
    return found


@pytest.mark.parametrize(
    ("extra", "modules"),
    [("", []), ("web", ["email_activity.web.app", "email_activity.web.pages.routes", "email_activity.report.render"])],
)
def test_the_wheel_runs_with_nothing_but_what_it_asks_for(
    extra: str, modules: list[str], wheel: Path, tmp_path: Path
) -> None:
    """Every command's help, one that looks at everything, and the worker's application."""
    zipfile.ZipFile(wheel).extractall(tmp_path / "site")
    (info,) = (tmp_path / "site").glob("*.dist-info")
    installed = installed_with(metadata.Distribution.at(info).requires or (), frozenset({extra}))
    assert ("jinja2" in installed) is (extra == "web")
    owners = metadata.packages_distributions()
    others = [name for name, of in owners.items() if installed.isdisjoint(map(canonicalize_name, of))]
    assert {"pytest", "hypothesis"} <= set(others)
    others = sorted(set(others) - sys.stdlib_module_names - {"email_activity"})
    environment = {"PYTHONPATH": str(tmp_path / "site"), "AWS_ENDPOINT_URL": "http://127.0.0.1:1"}
    environment |= {"REDIS_URL": "redis://127.0.0.1:1", "AWS_ACCESS_KEY_ID": "x", "AWS_SECRET_ACCESS_KEY": "x"}
    command = [sys.executable, "-c", ALONE, json.dumps(others), *modules]
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert Path(told.pop("")).is_relative_to(tmp_path)
    code, said = told.pop("doctor")
    assert (code, json.loads(said)["ok"]) == (1, False)
    code, said = told.pop("web")
    assert (code, MISSING in said) == ((2, False) if extra else (1, True))
    assert {name: code for name, (code, _) in told.items() if code} == {}


def test_the_pure_packages_import_without_any_service_library() -> None:
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    (pure,) = (each["source_modules"] for each in contracts if each["type"] == "forbidden")
    assert "email_activity.domain" in pure
    done = subprocess.run([sys.executable, "-c", PURE, *pure], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
