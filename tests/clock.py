"""A clock of a test's own, so that what it asks for does not depend on the hour at which it runs."""

from datetime import datetime, tzinfo
from types import ModuleType

import pytest


def stop_clock(monkeypatch: pytest.MonkeyPatch, at: datetime, *modules: ModuleType) -> None:
    """In these modules `datetime.now` says `at`, which has a time zone, from now on."""

    class Stopped(datetime):
        @classmethod
        def now(cls, tz: tzinfo | None = None) -> datetime:  # type: ignore[override]
            return at.astimezone(tz) if tz else at.astimezone().replace(tzinfo=None)

    for module in modules:
        monkeypatch.setattr(module, "datetime", Stopped)
