"""What is installed: one package, beside whatever a product has, and a pure core that needs no service's library."""

import os
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest

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


def test_the_pure_packages_import_without_any_service_library() -> None:
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    (pure,) = (each["source_modules"] for each in contracts if each["type"] == "forbidden")
    assert "email_activity.domain" in pure
    done = subprocess.run([sys.executable, "-c", PURE, *pure], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
