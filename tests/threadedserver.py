"""A TCP server that runs in a thread of the test's."""

import socketserver
import threading
from typing import Self


class ThreadedServer:
    """Serves while it is entered. Whoever derives from it makes `_server`."""

    _server: socketserver.BaseServer

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
