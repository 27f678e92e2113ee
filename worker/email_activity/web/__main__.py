"""`python -m email_activity.web` prints the OpenAPI document, for `make openapi`."""

import sys

from email_activity.web.app import make_api
from email_activity.web.openapi import text

sys.stdout.write(text(make_api()))
