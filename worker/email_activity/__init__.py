"""Amazon SES notifications become email activity: a Celery worker and the tools around it."""

from importlib.metadata import version

__version__ = version("email-activity")
