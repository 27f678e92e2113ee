"""Whatever is installed, by `make setup` or into the image, was locked with its hash; what builds the wheel too."""

import re
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
LOCKS = sorted(path.name for path in ROOT.glob("requirements*.lock"))


def pins(lock: str) -> dict[str, list[Requirement]]:
    """By name: some versions are for some Pythons only."""
    text = (ROOT / lock).read_text().replace("\\\n", " ")
    found: dict[str, list[Requirement]] = {}
    for line in filter(None, map(str.strip, text.splitlines())):
        pinned, *hashes = line.split(" --hash=")
        assert hashes, line
        assert all(re.fullmatch(r"sha256:[0-9a-f]{64}\s*", each) for each in hashes), line
        requirement = Requirement(pinned)
        found.setdefault(canonicalize_name(requirement.name), []).append(requirement)
    return found


@pytest.mark.parametrize("lock", LOCKS)
def test_each_package_is_locked_to_one_version_by_its_hashes(lock):
    for requirement in [each for several in pins(lock).values() for each in several]:
        assert re.fullmatch(r"==[^,*]+", str(requirement.specifier)), requirement


def test_what_builds_the_wheel_is_locked_as_the_project_wants_it():
    locked = pins("requirements-build.lock")
    for wanted in map(Requirement, [*PROJECT["build-system"]["requires"], *PROJECT["dependency-groups"]["build"]]):
        for requirement in locked[canonicalize_name(wanted.name)]:
            assert wanted.specifier.contains(str(requirement.specifier).removeprefix("=="))


def test_both_locks_of_one_setup_agree():
    dev, build = pins("requirements-dev.lock"), pins("requirements-build.lock")
    assert [name for name in dev.keys() & build.keys() if dev[name] != build[name]] == []


@pytest.mark.parametrize("name", ["Makefile", "Dockerfile"])
def test_nothing_is_fetched_without_a_hash(name):
    """An install is of a lock with its hashes, or of what is here without its dependencies and what builds it."""
    text = re.sub(r"\\\n\s*", "", (ROOT / name).read_text())
    commands = [part for line in text.splitlines() for part in line.split("&&")]
    installs = [each for each in commands if re.search(r"-m pip (install|wheel) |\$\(PIP_INSTALL\)", each)]
    assert len(installs) >= 4
    for each in installs:
        is_locked = "--require-hashes" in each
        is_here = "--no-deps" in each and ("--no-build-isolation" in each or "/dist/*.whl" in each)
        assert is_locked or is_here, each


def test_the_base_image_can_be_given_by_its_digest():
    bases = re.findall(r"^FROM (\S+)", (ROOT / "Dockerfile").read_text(), re.MULTILINE)
    assert set(bases) == {"${PYTHON_IMAGE}"}


def test_the_image_has_what_worker_and_page_need_and_nothing_that_develops():
    locked, extras = pins("requirements.lock"), PROJECT["project"]["optional-dependencies"]
    wanted = [Requirement(each) for each in [*PROJECT["project"]["dependencies"], *extras["web"]]]
    assert {canonicalize_name(each.name) for each in wanted} <= locked.keys()
    assert locked.keys().isdisjoint({"pytest", "ruff", "mypy", "hypothesis", "boto3-stubs"})
    dev = pins("requirements-dev.lock")
    assert [name for name in locked.keys() & dev.keys() if locked[name] != dev[name]] == []
