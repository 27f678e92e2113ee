"""The report: one HTML file that asks nobody for anything."""

import hashlib
from base64 import b64encode
from datetime import tzinfo
from importlib.resources import files

import idna
import jinja2

from email_activity.activity.answers import OPENS_REPORTED_FOR
from email_activity.activity.summary_model import Figures
from email_activity.activity.words import ICONS
from email_activity.domain.printable import printable
from email_activity.report import charts, phrases

#: Everything is in the file: the one style sheet, named by its hash, and images by data: URIs.
POLICY = "default-src 'none'; img-src data:; style-src 'sha256-{}'; base-uri 'none'; form-action 'none'"


def render(figures: Figures, zone: tzinfo) -> str:
    """zone: of the times that are shown."""
    folder = files("email_activity.report")
    style = folder.joinpath("report.css").read_text("utf-8")
    digest = b64encode(hashlib.sha256(style.encode()).digest()).decode("ascii")
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
    template = environment.from_string(folder.joinpath("report.html.j2").read_text("utf-8"))
    return template.render(
        figures=figures,
        zone=zone,
        style=style,
        policy=POLICY.format(digest),
        icons=ICONS,
        opens_days=OPENS_REPORTED_FOR.days,
        span=phrases.span(figures.first, figures.last),
        minute=lambda at: phrases.minute(at, zone),
        point=phrases.point,
        up_to=phrases.up_to,
        is_over=phrases.is_over,
        left_out=phrases.left_out,
        sources=charts.sources,
    )


def domain(stored: str) -> str:
    """As people write it, and as it is stored where that is another: two may look alike."""
    if "xn--" not in stored:
        return printable(stored)
    try:
        return f"{printable(idna.decode(stored))} ({printable(stored)})"
    except UnicodeError:
        return printable(stored)
