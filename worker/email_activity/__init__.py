"""What became of every email that Amazon SES sent for you.

    from email_activity import Activity, tag

`celery -A email_activity worker` finds its application in `celery.py`.
"""

from importlib import import_module
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from email_activity.activity.reader import Activity as Activity
    from email_activity.domain.tags import tag as tag

__version__ = version("email-activity")

__all__ = ["Activity", "tag"]

_PLACES = {"Activity": "email_activity.activity.reader", "tag": "email_activity.domain.tags"}


def __getattr__(name: str) -> Any:
    """Imports late: whoever needs one module need not load boto3."""
    if name not in _PLACES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_PLACES[name]), name)
