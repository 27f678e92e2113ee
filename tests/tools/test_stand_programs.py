"""Java and npm for LocalStack: the installed ones where they will do, else the wheels that the locks pin."""

import importlib.util
import re
import sys
from pathlib import Path

import pytest

FILE = Path(__file__).resolve().parents[2] / "localstack" / "programs.py"


@pytest.fixture
def programs(monkeypatch, tmp_path):
    """The module, with nothing installed: no Java, no npm, an empty `.stand-ins`."""
    spec = importlib.util.spec_from_file_location("programs", FILE)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    monkeypatch.delenv("JAVA_HOME", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path / "path"))
    monkeypatch.setattr(module, "JAVA_FOLDER", tmp_path / "java")
    monkeypatch.setattr(module, "JAVA_OF_WHEEL", tmp_path / "java" / "java")
    return module


def program(file, answers="", exit_code=0):
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(f"#!/bin/sh\necho '{answers}' >&2\nexit {exit_code}\n")
    file.chmod(0o755)
    return file


@pytest.fixture
def fetched(programs, monkeypatch):
    """What was installed by pip; a Java among it works."""
    locks = []

    def pip_install(_python, lock, _target, folder):
        locks.append(lock.name)
        program(folder / "java", 'openjdk version "25.0.2" 2026-01-20')

    monkeypatch.setattr(programs, "pip_install", pip_install)
    return locks


def test_a_java_that_will_do_is_used_and_none_is_fetched(programs, fetched, tmp_path):
    java = program(tmp_path / "path" / "java", 'openjdk version "17.0.15" 2025-04-15')
    programs.ensure_java(sys.executable)
    assert programs.find_java() == java
    assert fetched == []


@pytest.mark.parametrize(
    "installed",
    [
        {"answers": 'java version "1.8.0_401"'},
        {"answers": 'openjdk version "11.0.2" 2019-01-15'},
        {"answers": "No Java runtime present, requesting install.", "exit_code": 1},
        None,
    ],
    ids=["8", "11", "macOS has none", "none"],
)
def test_where_java_is_missing_or_too_old_the_wheel_is_fetched_once(programs, fetched, tmp_path, installed):
    if installed:
        program(tmp_path / "path" / "java", **installed)
    for _ in range(2):
        programs.ensure_java(sys.executable)
        assert programs.find_java() == tmp_path / "java" / "java"
    assert fetched == ["requirements-java.lock"]


def test_a_java_that_went_away_after_the_installation_is_missed(programs, fetched, tmp_path):
    java = program(tmp_path / "path" / "java", 'openjdk version "21.0.1" 2023-10-17')
    programs.ensure_java(sys.executable)
    java.unlink()
    assert programs.find_java() is None
    programs.ensure_java(sys.executable)
    assert fetched == ["requirements-java.lock"]


def test_an_old_java_of_java_home_does_not_hide_a_new_one_of_path(programs, monkeypatch, tmp_path):
    program(tmp_path / "home" / "bin" / "java", 'java version "1.8.0_401"')
    java = program(tmp_path / "path" / "java", 'openjdk version "17.0.15" 2025-04-15')
    monkeypatch.setenv("JAVA_HOME", str(tmp_path / "home"))
    assert programs.find_java() == java


def test_a_wheel_of_another_lock_is_not_used(programs, fetched, tmp_path):
    programs.ensure_java(sys.executable)
    (tmp_path / "java" / "lock").write_text("that of another release")
    programs.ensure_java(sys.executable)
    assert len(fetched) == 2


@pytest.mark.parametrize("there", [(), ("npm",), ("node",), ("npm", "node")])
def test_npm_is_fetched_unless_it_is_there_with_its_node(programs, fetched, tmp_path, there):
    for name in there:
        program(tmp_path / "path" / name)
    command = programs.npm(sys.executable, tmp_path / "node")
    if len(there) == 2:
        assert command == [str(tmp_path / "path" / "npm")]
        assert fetched == []
    else:
        assert [part.name for part in command] == ["node", "npm-cli.js"]
        assert fetched == ["requirements-node.lock"]


@pytest.mark.parametrize("lock", ["requirements-java.lock", "requirements-node.lock"])
def test_a_wheel_is_one_version_with_hashes(lock):
    text = FILE.with_name(lock).read_text()
    assert len(re.findall(r"^[a-z].*==", text, re.MULTILINE)) == 1
    assert len(re.findall(r"--hash=sha256:[0-9a-f]{64}", text)) >= 4
