"""A rate by day beside SES's two limits, as SVG without a script. An image has no other way to know the page's colours
and width, so there is one chart for each of both.
"""

import sys
from base64 import b64encode
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pygal
from pygal.style import Style

from email_activity.activity.summary_model import Trend
from email_activity.report.phrases import axis_top, drawn, percent, short_day

# For plugins that are not used here, pygal adds an importer of a kind that Python 3.11 warns of at each later import.
sys.meta_path[:] = [each for each in sys.meta_path if type(each).__module__ != "pygal"]

FONT = "system-ui, -apple-system, 'Segoe UI', Roboto, sans-serif"

#: Pixels. What an axis says is as large as the text of the page.
LABEL = 16

DASHED = {"width": 1.5, "dasharray": "6,5"}


@dataclass(frozen=True, slots=True)
class Look:
    """Colours of the text, the grid, the rate, the review limit and the pause limit."""

    text: str
    grid: str
    rate: str
    review: str
    pause: str


LIGHT = Look("#4a5468", "#e3e7ee", "#2456c8", "#b26a00", "#c22f2f")
DARK = Look("#b3bccb", "#313a49", "#7da6ff", "#f0ad4e", "#ff7b72")


@dataclass(frozen=True, slots=True)
class Size:
    """days: how many of them the axis can name."""

    width: int
    height: int
    days: int


WIDE = Size(920, 280, 8)
NARROW = Size(380, 260, 3)

#: Where each chart is shown, the first that holds; the last is the image itself.
SOURCES = (
    ("(prefers-color-scheme: dark) and (max-width: 40rem)", DARK, NARROW),
    ("(prefers-color-scheme: dark)", DARK, WIDE),
    ("(max-width: 40rem)", LIGHT, NARROW),
    (None, LIGHT, WIDE),
)


def sources(trend: Trend) -> Iterator[tuple[str | None, str, Size]]:
    """For `<picture>`: the media condition, the image as a data: URI, and its size."""
    for media, look, size in SOURCES:
        svg = b64encode(rate_chart(trend, look, size)).decode("ascii")
        yield media, f"data:image/svg+xml;base64,{svg}", size


def rate_chart(trend: Trend, look: Look, size: Size) -> bytes:
    chart = pygal.Line(
        # Without this, it loads scripts from its maker's site.
        js=[],
        explicit_size=True,
        width=size.width,
        height=size.height,
        margin=8,
        # Half of the last day's name.
        margin_right=36,
        style=_style(look),
        show_legend=False,
        dots_size=3,
        range=(0, axis_top(trend)),
        show_minor_x_labels=False,
        x_labels_major=_named(trend, size.days),
        truncate_label=-1,
        tooltip_border_radius=4,
    )
    # Else the same figures would be another file each time.
    chart.uuid = "rate"
    # A script in an image never runs, but what tests a page for scripts cannot know that.
    chart.add_xml_filter(_without_scripts)
    chart.x_labels = [short_day(each.day) for each in trend.days]
    chart.y_labels = [
        {"label": "0", "value": 0},
        {"label": f"{percent(trend.review)} review", "value": trend.review},
        {"label": f"{percent(trend.pause)} pause", "value": trend.pause},
    ]
    count = len(trend.days)
    chart.add("Review", [trend.review] * count, show_dots=False, stroke_style=DASHED)
    chart.add("Pause", [trend.pause] * count, show_dots=False, stroke_style=DASHED)
    # Where a day has no rate, the line goes on from the day before.
    chart.add("Rate", drawn(trend))
    svg: bytes = chart.render()
    return svg


def _named(trend: Trend, count: int) -> list[str]:
    """The newest day, and others at even distances."""
    days = [short_day(each.day) for each in trend.days]
    every = -(-len(days) // count)
    return days[::-1][::every][::-1]


def _style(look: Look) -> Any:
    return Style(
        background="transparent",
        plot_background="transparent",
        foreground=look.text,
        foreground_strong=look.text,
        foreground_subtle=look.grid,
        guide_stroke_color=look.grid,
        major_guide_stroke_color=look.grid,
        guide_stroke_dasharray="0",
        major_guide_stroke_dasharray="0",
        opacity="1",
        stroke_opacity="1",
        stroke_width="2.5",
        font_family=FONT,
        label_font_family=FONT,
        major_label_font_family=FONT,
        label_font_size=LABEL,
        major_label_font_size=LABEL,
        colors=(look.review, look.pause, look.rate),
    )


def _without_scripts(root: Any) -> Any:
    for parent in list(root.iter()):
        for child in [each for each in parent if str(each.tag).endswith("script")]:
            parent.remove(child)
    return root
