"""The report: one HTML file that asks nobody for anything."""

import hashlib
from base64 import b64encode
from datetime import tzinfo
from importlib.resources import files

import idna
import jinja2
from markupsafe import Markup

from email_activity.activity.answers import OPENS_REPORTED_FOR
from email_activity.activity.summary_model import Figures
from email_activity.activity.words import ICONS
from email_activity.domain.printable import printable
from email_activity.report import charts, phrases

#: Everything is in the file: the one style sheet, named by its hash, and images by data: URIs.
POLICY = "default-src 'none'; img-src data:; style-src 'sha256-{}'; base-uri 'none'; form-action 'none'"


FOLDER = files("email_activity.report")

STYLE = FOLDER.joinpath("report.css").read_text("utf-8")


def render(figures: Figures, zone: tzinfo) -> str:
    """A whole file. zone: of the times that are shown."""
    digest = b64encode(hashlib.sha256(STYLE.encode()).digest()).decode("ascii")
    return (
        _environment()
        .from_string(FOLDER.joinpath("report.html.j2").read_text("utf-8"))
        .render(
            figures=figures,
            style=STYLE,
            policy=POLICY.format(digest),
            span=phrases.span(figures.first, figures.last),
            body=render_body(figures, zone),
        )
    )


def render_body(figures: Figures, zone: tzinfo) -> Markup:
    """What a page shows of it, with STYLE."""
    template = _environment().from_string(FOLDER.joinpath("figures.html.j2").read_text("utf-8"))
    return Markup(  # noqa: S704  made by a template that escapes
        template.render(
            figures=figures,
            zone=zone,
            icons=ICONS,
            opens_days=OPENS_REPORTED_FOR.days,
            span=phrases.span(figures.first, figures.last),
            minute=lambda at: phrases.minute(at, zone),
            point=phrases.point,
            up_to=phrases.up_to,
            is_over=phrases.is_over,
            drawn=phrases.drawn,
            left_out=phrases.left_out,
            sources=charts.sources,
        )
    )


def _environment() -> jinja2.Environment:
    environment = jinja2.Environment(
        autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters |= {
        "percent": phrases.percent,
        "duration": phrases.duration,
        "day": phrases.full_day,
        "domain": domain,
        "printable": printable,
    }
    return environment


def domain(stored: str) -> str:
    """As people write it, and as it is stored where that is another: two may look alike."""
    if "xn--" not in stored:
        return printable(stored)
    try:
        return f"{printable(idna.decode(stored))} ({printable(stored)})"
    except UnicodeError:
        return printable(stored)
