"""How a page is made: Jinja2 with everything escaped, and the headers that let it load nothing but its own style."""

from functools import partial
from importlib.resources import files
from typing import Any
from urllib.parse import quote

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import escape
from starlette.responses import HTMLResponse
from starlette.types import Scope

from email_activity.activity import describe
from email_activity.activity.answers import Context
from email_activity.activity.words import ICONS
from email_activity.domain.printable import printable
from email_activity.domain.zones import age, zone_named
from email_activity.report.render import STYLE as REPORT_STYLE
from email_activity.settings import ReaderSettings, TrackingSettings
from email_activity.web.gate import SIGN_IN, STYLE
from email_activity.web.pages import texts
from email_activity.web.sessions import cookie_of
from email_activity.web.settings import WebSettings

PACKAGE = "email_activity.web.pages"

#: No script at all, no style but ours, nothing from elsewhere, in nobody's frame. With `no-referrer` a browser would
#: not say where a form comes from (`Origin: null`); `same-origin` tells other sites just as little.
HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; img-src 'self' data:; form-action 'self'; "
    "base-uri 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "same-origin",
    "X-Frame-Options": "DENY",
}

#: The report's style counts within what is the report's.
STYLESHEET = f"{files(PACKAGE).joinpath('page.css').read_text('utf-8')}\n.figures {{\n{REPORT_STYLE}}}\n"


class PageSettings(TrackingSettings, ReaderSettings):
    """What a page says of the worker: which types it tracks, and for how long."""


class Look:
    def __init__(self, settings: PageSettings, web: WebSettings) -> None:
        self.settings = settings
        self.zone = zone_named(settings.display_timezone)
        self.has_tokens = bool(web.token_hashes)
        self._jinja = _environment()
        self._jinja.globals |= {"zone": self.zone, "settings": settings, "icons": ICONS, "style": STYLE}
        self._jinja.filters |= {
            name: partial(each, zone=self.zone) for name, each in (("moment", texts.moment), ("minute", texts.minute))
        }

    def page(
        self,
        scope: Scope,
        name: str,
        context: Context | None = None,
        *,
        status: int = 200,
        headers: dict[str, str] | None = None,
        **values: Any,
    ) -> HTMLResponse:
        """context: None where the table cannot be asked."""
        told = context and context.freshness
        shared = {
            "path": scope["path"],
            "here": here(scope),
            "is_get": scope["method"] == "GET",
            "now": context.now if context else None,
            "ago": partial(texts.ago, now=context.now if context else None),
            "freshness": told,
            "freshness_line": describe.freshness_in_words(told, age, context.now.timestamp())
            if context and told
            else None,
            "has_session": self.has_tokens and bool(cookie_of(scope)),
            "sign_in": SIGN_IN,
            "asked": "",
        }
        html = self._jinja.get_template(name).render(shared | values)
        return HTMLResponse(html, status, HEADERS | (headers or {}))


def here(scope: Scope) -> str:
    """Path and query as they were asked for."""
    path = scope.get("raw_path") or quote(scope["path"]).encode()
    query = scope["query_string"]
    return (path.partition(b"?")[0] + (b"?" + query if query else b"")).decode("latin-1")


def _environment() -> Environment:
    jinja = Environment(
        loader=PackageLoader(PACKAGE),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=_seen,
    )
    jinja.filters |= {
        "address": texts.address,
        "document": texts.document_name,
        "document_url": texts.document_url,
        "email_url": texts.email_url,
        "account_url": texts.account_url,
        "href": texts.href,
        "is_address": texts.is_address,
        "title_of": texts.title_of,
        "verdict": texts.verdict_words,
        "detail_rows": texts.detail_rows,
        "short": texts.short,
        # Of a form's field: it is sent again, so it stands there as it is.
        "value": escape,
        "why": texts.why,
        "without_query": texts.without_query,
    }
    jinja.globals |= {
        "counted": describe.counted,
        "describe": describe.describe,
        "describe_conflict": describe.describe_conflict,
        "describe_truncated": describe.describe_truncated,
        "judgement_in_words": describe.judgement_in_words,
        "ses_words_of": describe.ses_words_of,
        "notes_on": describe.notes_on,
        "who": describe.who,
        "whose": describe.whose,
        "grouped": texts.grouped,
        "meaning_of": texts.meaning_of,
        "said": texts.said,
        "suppression": texts.suppression,
        "suppression_list": texts.SUPPRESSION_LIST,
    }
    return jinja


def _seen(value: Any) -> Any:
    """Of each text that a template prints: what is not seen, or turns the direction, stands as its escape."""
    return printable(value) if type(value) is str else value
