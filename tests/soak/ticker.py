"""Something done again and again beside the main thread."""

import threading
import time
from collections.abc import Callable
from types import TracebackType
from typing import Self


class Ticker:
    """Calls `act` with the seconds since its last call, until the block ends, or `act` raises."""

    def __init__(self, every: float, act: Callable[[float], object]) -> None:
        self._every = every
        self._act = act
        self._over = threading.Event()
        self._error: Exception | None = None
        self._thread = threading.Thread(target=self._run, daemon=True)

    def _run(self) -> None:
        last = time.monotonic()
        try:
            while not self._over.wait(self._every):
                now = time.monotonic()
                self._act(now - last)
                last = now
        except Exception as error:  # noqa: BLE001  it is raised again where somebody sees it
            self._error = error

    def check(self) -> None:
        """Raises what `act` has raised."""
        if self._error:
            raise self._error

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over.set()
        self._thread.join()
        if error is None:
            self.check()
