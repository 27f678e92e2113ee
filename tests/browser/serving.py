"""The page on a table in memory, served in a thread."""

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import uvicorn
from visitor import Visitor

from email_activity.web.app import make_app
from email_activity.web.settings import WebSettings
from faketable import FakeDynamoDB
from webapi import activity_on

#: Opens a browser of its own: `visit(width=390, dark=True)`.
Visit = Callable[..., Visitor]


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
