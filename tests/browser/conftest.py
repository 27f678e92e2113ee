"""The real page, served in a thread to a real browser. What is missing fails with a line that says what to install."""

import shutil
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, sync_playwright
from serving import Visit, served
from visitor import Visitor

from pagestory import page_table

MISSING = "apt-get install chromium fonts-noto-cjk"


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    program = shutil.which("chromium") or shutil.which("chromium-browser")
    assert program, f"chromium is missing: {MISSING}"
    with sync_playwright() as playwright:
        # As root, which CI is, it starts in no sandbox.
        browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def site() -> Iterator[str]:
    with served(page_table()) as url:
        yield url


@pytest.fixture
def visit(chromium: Browser, site: str) -> Iterator[Visit]:
    """Opens the page in a browser of its own: `visit(width=390, dark=True)`."""
    visitors = []

    def open_one(url: str = site, **look: object) -> Visitor:
        visitors.append(Visitor(chromium, url, **look))
        return visitors[-1]

    yield open_one
    for each in visitors:
        each.close()
