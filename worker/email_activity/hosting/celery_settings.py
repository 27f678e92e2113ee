"""Celery's settings, each with the fault that it was found to cure."""

from typing import Any

from email_activity.settings import Settings


def celery_settings(settings: Settings) -> dict[str, Any]:
    return {
        "broker_url": settings.broker_url,
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
