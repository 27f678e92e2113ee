"""The worker, with more patience for AWS: `celery -A patient worker`. Only tests load this.

A test that holds a call decides by itself how long it is held, not the client, which would ask again.
"""

from email_activity.aws import clients
from email_activity.celery import app

__all__ = ["app"]

clients.READ_TIMEOUT = 120
