"""The Celery application: `celery -A email_activity worker`.

Its broker carries remote control only. Polls are started in memory (`bootsteps.py`), and events come from SQS by boto3,
so nothing of theirs is ever in Redis.
"""

import sys
from collections.abc import Callable
from typing import Any, TypeVar

from celery import Celery, signals

from email_activity.hosting.bootsteps import BoundedShutdown, KeepPolling, begin_shutdown, log_stopped
from email_activity.hosting.broker import BrokerConnection
from email_activity.hosting.logs import configure_logging, is_console, log_celery_as_json
from email_activity.hosting.start_check import check_start
from email_activity.metrics import emf, server
from email_activity.settings import Settings, SettingsError, load_settings

Result = TypeVar("Result")

#: Celery's settings, each with the fault that it was found to cure.
CONFIGURATION: dict[str, Any] = {
    "worker_consumer": "email_activity.hosting.broker:PatientConsumer",
    # A worker outlives any outage of the broker, also one at its start.
    "broker_connection_retry_on_startup": True,
    "broker_connection_max_retries": None,
    "broker_channel_error_retry": True,
    "broker_connection_timeout": 3,
    # Without time-outs a silent broker holds the main process for minutes.
    "broker_transport_options": {
        "socket_timeout": 5,
        "socket_connect_timeout": 3,
        "socket_keepalive": True,
        "health_check_interval": 5,
        "visibility_timeout": 120,
    },
    # Polls have no results; a failed one's pickled traceback once filled the pipe from a child.
    "task_ignore_result": True,
    "worker_prefetch_multiplier": 1,
    "worker_lost_wait": 1.0,
    "worker_enable_prefetch_count_reduction": False,
    # Polls go on while the broker is away.
    "worker_cancel_long_running_tasks_on_connection_loss": False,
    "worker_hijack_root_logger": False,
    "worker_redirect_stdouts": False,
    "worker_proc_alive_timeout": 30,
    "task_default_queue": "email-activity",
}


def make_app() -> Celery:
    """Ends the process with one line a variable if the settings are wrong."""
    settings = _or_exit(load_settings)
    app = Celery("email-activity", include=["email_activity.hosting.tasks"])
    app.conf.update(CONFIGURATION, broker_url=settings.broker_url)
    app.amqp.Connection = BrokerConnection
    app.steps["worker"].add(BoundedShutdown)
    app.steps["consumer"].add(KeepPolling)
    signals.setup_logging.connect(lambda **_: configure_logging(settings), weak=False)
    signals.celeryd_after_setup.connect(lambda **_: _or_exit(lambda: _begin(settings)), weak=False)
    signals.celeryd_init.connect(lambda instance, **_: _log_as_configured(instance, settings), weak=False)
    signals.worker_shutting_down.connect(begin_shutdown, weak=False)
    signals.worker_shutdown.connect(log_stopped, weak=False)
    return app


def _begin(settings: Settings) -> None:
    """Before the pool is there. Raises SettingsError."""
    check_start(settings)
    if settings.metrics_port:
        server.serve(settings)
    if settings.metrics_emf:
        writer = emf.Writer(settings.events_queue.rpartition("/")[2])
        writer.start()
        signals.worker_shutdown.connect(lambda **_: writer.write(), weak=False)


def _or_exit(step: Callable[[], Result]) -> Result:
    try:
        return step()
    except SettingsError as error:
        sys.exit(f"email-activity: wrong settings\n{error}")


def _log_as_configured(worker: Any, settings: Settings) -> None:
    """Before Celery's worker logs anything."""
    configure_logging(settings)
    if not is_console(settings):
        worker.quiet = True  # no banner
        log_celery_as_json()


app = make_app()
