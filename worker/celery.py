"""The Celery application: `celery -A worker worker`.

Its broker carries remote control only. Polls are handed over in memory (`keep_polling.py`), and events come
from SQS by boto3, so nothing of theirs is ever in Redis.
"""

import sys
from collections.abc import Callable
from typing import Any, TypeVar

from celery import Celery, signals
from kombu import Connection

from config.celery import celery_settings
from config.logging import configure_logging
from config.redis_url import read_redis_url
from config.settings import SettingsError, load_settings
from worker.keep_polling import EndInTime, KeepPolling, begin_stop
from worker.start_check import check_start

Result = TypeVar("Result")


class PatientConnection(Connection):
    """Asks for the broker every one to three seconds; the stock pause grows to 30, and has no setting.

    Reads a Redis URL as the client for duplicates does: kombu checks no certificate unless the URL tells it to.
    """

    def __init__(self, hostname: Any = "localhost", *arguments: Any, **options: Any) -> None:
        if isinstance(hostname, str) and hostname.startswith(("redis://", "rediss://")):
            super().__init__(**options | read_redis_url(hostname).broker_options())
        else:
            super().__init__(hostname, *arguments, **options)

    def ensure_connection(self, *args: Any, **options: Any) -> "PatientConnection":
        options |= {"interval_start": 1, "interval_step": 1, "interval_max": 3}
        super().ensure_connection(*args, **options)
        return self

    def ensure(self, *args: Any, max_retries: int | None = None, **options: Any) -> Any:
        """No retries unless a number is given; the stock ones never end, and say nothing.

        Celery's event heartbeat held the main process in them for as long as the broker was away. What is not sent
        the dispatcher keeps for later.
        """
        return super().ensure(*args, max_retries=max_retries or 0, **options)  # type: ignore[misc]  # given by name


def make_app() -> Celery:
    """Ends the process with one line a variable if the settings are wrong."""
    settings = _or_exit(load_settings)
    app = Celery("email-activity", include=["worker.tasks"])
    app.conf.update(celery_settings(settings))
    app.amqp.Connection = PatientConnection
    app.steps["worker"].add(EndInTime)
    app.steps["consumer"].add(KeepPolling)
    signals.setup_logging.connect(lambda **_: configure_logging(settings), weak=False)
    signals.celeryd_after_setup.connect(lambda **_: _or_exit(lambda: check_start(settings)), weak=False)
    signals.worker_shutting_down.connect(begin_stop, weak=False)
    return app


def _or_exit(step: Callable[[], Result]) -> Result:
    try:
        return step()
    except SettingsError as error:
        sys.exit(f"email-activity: wrong settings\n{error}")


app = make_app()
