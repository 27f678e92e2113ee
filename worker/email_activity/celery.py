"""The Celery application: `celery -A email_activity worker`.

Its broker carries remote control only. Polls are handed over in memory (`bootsteps.py`), and events come
from SQS by boto3, so nothing of theirs is ever in Redis.
"""

import sys
from collections.abc import Callable
from typing import Any, TypeVar

from celery import Celery, signals

from email_activity.hosting.bootsteps import EndInTime, KeepPolling, begin_stop, say_stopped
from email_activity.hosting.broker import BrokerConnection
from email_activity.hosting.celery_settings import celery_settings
from email_activity.hosting.logs import configure_logging, is_console
from email_activity.hosting.own_lines import say_in_json
from email_activity.hosting.start_check import check_start
from email_activity.settings import Settings, SettingsError, load_settings

Result = TypeVar("Result")


def make_app() -> Celery:
    """Ends the process with one line a variable if the settings are wrong."""
    settings = _or_exit(load_settings)
    app = Celery("email-activity", include=["email_activity.hosting.tasks"])
    app.conf.update(celery_settings(settings))
    app.amqp.Connection = BrokerConnection
    app.steps["worker"].add(EndInTime)
    app.steps["consumer"].add(KeepPolling)
    signals.setup_logging.connect(lambda **_: configure_logging(settings), weak=False)
    signals.celeryd_after_setup.connect(lambda **_: _or_exit(lambda: check_start(settings)), weak=False)
    signals.celeryd_init.connect(lambda instance, **_: _begin(instance, settings), weak=False)
    signals.worker_shutting_down.connect(begin_stop, weak=False)
    signals.worker_shutdown.connect(say_stopped, weak=False)
    return app


def _or_exit(step: Callable[[], Result]) -> Result:
    try:
        return step()
    except SettingsError as error:
        sys.exit(f"email-activity: wrong settings\n{error}")


def _begin(worker: Any, settings: Settings) -> None:
    """Before Celery's worker says anything."""
    configure_logging(settings)
    if not is_console(settings):
        worker.quiet = True  # no banner
        say_in_json()


app = make_app()
