"""A browser's requests to the page, without a browser."""

import html
import re

from starlette.testclient import TestClient

import webapi
from faketable import FakeDynamoDB
from pagestory import FIRST, page_table

BASE = "http://localhost:8025"

#: What each browser sends with a form of our own.
OWN_FORM = {"Origin": BASE, "Sec-Fetch-Site": "same-origin"}


#: A page of each kind.
PATHS = ("/", "/documents/invoice/2026%2F117", f"/emails/{FIRST.message_id}", "/failures", "/meanings", "/nothing")


def browser(table: FakeDynamoDB | None = None, **settings: str) -> TestClient:
    client = webapi.client(table or page_table(), **settings)
    client.headers["Accept"] = "text/html,application/xhtml+xml,*/*;q=0.8"
    client.follow_redirects = False
    return client


def text_of(page: str) -> str:
    """What people read, on one line."""
    body = page.partition("<body>")[2]
    return " ".join(html.unescape(re.sub(r"<[^>]*>", " ", body)).split())


def title_of(page: str) -> str:
    found = re.search(r"<title>(.*?)</title>", page, re.DOTALL)
    return html.unescape(found[1]) if found else ""
