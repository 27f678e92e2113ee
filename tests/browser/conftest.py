"""The real page, served in a thread to a real browser. What is missing fails with a line that says what to install."""

import shutil
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
import uvicorn
from playwright.sync_api import Browser, sync_playwright
from visitor import Visitor

from email_activity.web.app import make_app
from email_activity.web.settings import WebSettings
from faketable import FakeDynamoDB
from pagestory import page_table
from webapi import activity_on

MISSING = "apt-get install chromium fonts-noto-cjk"

Visit = Callable[..., Visitor]


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    program = shutil.which("chromium") or shutil.which("chromium-browser")
    assert program, f"chromium is missing: {MISSING}"
    with sync_playwright() as playwright:
        # As root, which CI is, it starts in no sandbox.
        browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
        yield browser
        browser.close()


@contextmanager
def served(table: FakeDynamoDB, **settings: str) -> Iterator[str]:
    """The address of the page on this table."""
    app = make_app(activity_on(table), WebSettings(**settings))
    listener = socket.create_server(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(app, log_config=None, lifespan="off", ws="none"))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
    thread.start()
    yield f"http://localhost:{listener.getsockname()[1]}"
    server.should_exit = True
    thread.join(10)


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
