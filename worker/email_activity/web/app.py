"""The application: the API and the page, and around them what guards both."""

from typing import Any

from fastapi import FastAPI
from starlette.types import ASGIApp

from email_activity.activity.bulk import THREADS
from email_activity.activity.reader import Activity
from email_activity.settings import ReaderSettings, read_settings
from email_activity.web import openapi
from email_activity.web.api import health, router
from email_activity.web.gate import Answers, AtMost, Gate
from email_activity.web.pages.lists import lists
from email_activity.web.pages.look import Look, PageSettings
from email_activity.web.pages.overview import overviews
from email_activity.web.pages.problem_pages import ProblemPages
from email_activity.web.pages.routes import add_pages
from email_activity.web.pages.signing_in import signing_in
from email_activity.web.problems import handle_problems
from email_activity.web.requests import MAX_BODY
from email_activity.web.sessions import Sessions
from email_activity.web.settings import MAX_AT_ONCE, WebSettings


class TableSettings(ReaderSettings):
    """With a connection to the table for each thread of all requests."""

    @property
    def connections(self) -> int:
        return MAX_AT_ONCE * THREADS


class Api(FastAPI):
    def openapi(self) -> dict[str, Any]:
        self.openapi_schema = self.openapi_schema or openapi.openapi(self)
        return self.openapi_schema


def make_api(activity: Activity | None = None) -> Api:
    """activity: None where nothing is asked of it, for the OpenAPI document."""
    api = Api(
        title="Email activity",
        version="1",
        openapi_url=openapi.PATH,
        # Their pages would load scripts from elsewhere.
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        max_body_size=MAX_BODY,
        generate_unique_id_function=lambda route: route.name,
    )
    api.state.activity = activity
    api.state.at_once = AtMost()
    api.include_router(router)
    api.include_router(health)
    handle_problems(api)
    return api


def make_app(activity: Activity, settings: WebSettings, shown: PageSettings | None = None) -> ASGIApp:
    """The API and the page. shown: from the environment if not given."""
    api, sessions = make_api(activity), Sessions(settings)
    look = Look(shown or read_settings(PageSettings, {}), settings)
    api.state.sessions = sessions
    add_pages(api, look, lists, overviews, signing_in)
    return Answers(ProblemPages(Gate(api, settings, sessions), look))


def open_activity() -> Activity:
    """Raises SettingsError."""
    return Activity(read_settings(TableSettings, {}))
