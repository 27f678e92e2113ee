"""The report: a page that is whole by itself, asks nobody for anything, and says the point of each chart."""

import base64
import hashlib
import re
from collections import Counter
from datetime import UTC, date, datetime, timedelta
from html.parser import HTMLParser
from xml.etree import ElementTree as ET
from zoneinfo import ZoneInfo

import pytest

from email_activity.activity import model
from email_activity.activity.figures import About, figures
from email_activity.activity.summary import Summary
from email_activity.report.render import render

FIRST, LAST = date(2026, 10, 25), date(2026, 11, 23)
AT = datetime(2026, 11, 23, 9, 0, 1, tzinfo=UTC)
BERLIN = ZoneInfo("Europe/Berlin")

#: Elements that have no end.
VOID = {"meta", "source", "img", "br"}

#: Attributes by which a page asks for something.
SOURCES = {"src", "srcset", "href", "data", "action", "poster", "background", "formaction", "ping", "cite"}


class Page(HTMLParser):
    """Its elements with their attributes and the texts in them; fails where one is not closed."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.texts: dict[str, list[str]] = {}
        self._open: list[str] = []
        self.feed(html)
        assert self._open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        self.texts.setdefault(tag, []).append("")
        if tag not in VOID:
            self._open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        for tag in set(self._open):
            self.texts[tag][-1] += data

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.elements if name == tag]


def summary_of_a_month() -> Summary:
    """1,000 emails a day, of which 31 bounced on the 12th of November."""
    days = [FIRST + timedelta(days=number) for number in range(30)]
    bounced = Counter(dict.fromkeys(days, 10)) | Counter({date(2026, 11, 12): 31})
    reason = ("soft_bounced", "no_such_address")
    failed = bounced.total()
    return Summary(
        simulated=31,
        delivery=Counter(delivered=30_000 - failed, failed=failed),
        engagement=Counter(opened=9_000, clicked=1_000, proxy_opened=500, machine=300, none=18_000, shared=879),
        failures=Counter({reason: failed}),
        seconds=Counter({2: 20_000, 45: 9_000}),
        sent_by_day=Counter(dict.fromkeys(days, 1_000)),
        bounced_by_day=bounced,
        complained_by_day=Counter({date(2026, 11, 3): 2}),
        sent_by_domain=Counter({"example.com": 20_000, "xn--r8jz45g.jp": 10_000}),
        failed_by_domain=Counter({("example.com", reason): failed - 1, ("xn--r8jz45g.jp", reason): 1}),
    )


def html_of(summary: Summary | None = None, account: str | None = "4711", *, reading: bool = True) -> str:
    freshness = model.Freshness(newest_recorded_at=AT - timedelta(seconds=13), last_poll_at=AT, reading=reading)
    about = About(account, FIRST, LAST, "Europe/Berlin", AT, freshness)
    return render(figures(summary or summary_of_a_month(), about), BERLIN)


@pytest.fixture(scope="module")
def html() -> str:
    return html_of()


@pytest.fixture(scope="module")
def page(html) -> Page:
    return Page(html)


def images(page: Page) -> list[ET.Element]:
    uris = [each["srcset"] for each in page.all("source")] + [each["src"] for each in page.all("img")]
    kind = "data:image/svg+xml;base64,"
    assert all(uri and uri.startswith(kind) for uri in uris)
    return [ET.fromstring(base64.b64decode(uri.removeprefix(kind))) for uri in uris if uri]  # noqa: S314  ours


def test_the_page_asks_no_other_place_for_anything(html, page):
    asked = [value for _, attributes in page.elements for name, value in attributes.items() if name in SOURCES]
    assert len(asked) == 10
    assert all(each and each.startswith("data:image/svg+xml;base64,") for each in asked)
    assert not re.search(r"@import|url\(|https?:|//[a-z]", html.partition("<body>")[0])
    assert not {"script", "iframe", "object", "embed", "link", "base", "form"} & {tag for tag, _ in page.elements}
    assert not [name for _, attributes in page.elements for name in attributes if name == "style" or name[:2] == "on"]


def test_the_policy_allows_the_one_style_sheet_and_data_images_only(page):
    (policy,) = [each["content"] for each in page.all("meta") if each.get("http-equiv") == "Content-Security-Policy"]
    digest = base64.b64encode(hashlib.sha256(page.texts["style"][0].encode()).digest()).decode()
    assert policy == (
        f"default-src 'none'; img-src data:; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
    )


def test_the_page_has_one_title_and_names_for_all_that_is_seen(page):
    assert page.texts["h1"] == ["Account 4711"]
    assert page.texts["title"] == ["Account 4711 \u00b7 25\u00a0Oct to 23\u00a0Nov 2026 \u00b7 Email activity"]
    assert page.all("html") == [{"lang": "en"}]
    ids = [attributes["id"] for _, attributes in page.elements if "id" in attributes]
    assert len(ids) == len(set(ids))
    assert {each["aria-labelledby"] for each in page.all("section")} == set(ids)
    assert len(page.all("thead")) == len(page.all("table")) == 7
    assert all(each.get("scope") in ("col", "row") for each in page.all("th"))
    assert all(each.get("aria-label") and 0 <= float(each["value"] or -1) <= 1 for each in page.all("meter"))
    assert not [name for name, _ in page.elements if name in ("h3", "h4")]


def test_each_chart_says_its_point_and_has_its_table(page):
    bounces, complaints = [str(each["alt"]).replace("\u00a0", " ") for each in page.all("img")[::2]]
    assert bounces == (
        "Bounce rate by day. Highest on 12 Nov: 3.1 % (31 of 1,000), below SES's 5 %. "
        "Over all days: 1.1 % (321 of 30,000), below SES's 5 %."
    )
    assert complaints.startswith(
        "Complaint rate by day. Highest on 3 Nov: 0.2 % (2 of 1,000), over the 0.1 % from which on SES reviews"
    )
    assert len(page.all("picture")) == len(page.all("details")) == 2
    assert all("12\u00a0Nov 2026" in each for each in page.texts["details"])


def test_a_chart_has_no_script_and_asks_nobody(page):
    found = images(page)
    assert len(found) == 10
    for each in found:
        written = ET.tostring(each, encoding="unicode")
        assert "script" not in written
        assert not re.search(r"(href|src)=|url\(|@import", written)
        assert re.findall(r"\.axis text(?:\.major)?\{[^}]*font-size:(\d+)px", written) == ["16", "16"]
        assert each.get("width")
        assert "5 % review".replace(" ", "\u00a0", 1) in written or "0.1\u00a0% review" in written


def test_charts_are_drawn_for_each_scheme_for_a_phone_and_for_paper(html, page):
    schemes = [str(each["media"]) for each in page.all("source")][:3]
    assert ["dark" in each for each in schemes] == [True, True, False]
    assert ["max-width" in each for each in schemes] == [True, False, True]
    # On paper there is no dark scheme, and browsers do not choose anew for it.
    on_screen, on_paper = page.all("img")[:2]
    assert (on_screen["class"], on_paper["class"]) == ("chart", "paper")
    assert on_screen["src"] == on_paper["src"]
    # What is folded on the screen is not lost.
    assert re.search(r"@media print \{[^@]*details::details-content \{ content-visibility: visible;", html)
    assert re.search(r"@media print \{[^@]*picture \{ display: none; \}\s*\.paper \{ display: block; \}", html)


def test_what_was_counted_is_said(page):
    facts = " ".join(page.texts["ul"][0].split())
    assert facts == (
        "Days and times in Europe/Berlin Counted 23 Nov 2026, 10:00 Newest event recorded 23 Nov 2026, 09:59 "
        "31 emails to SES's simulator left out"
    )
    assert "for 60 days" in page.texts["main"][0]


def test_each_rate_has_its_count_and_of_how_many(page):
    rows = [" ".join(each.split()) for each in page.texts["tr"]]
    (opened,) = [each for each in rows if "Email opened" in each]
    assert "10,000of 28,800 34.7 %" in opened
    (unknown,) = [each for each in rows if "Cannot be told" in each]
    assert "879of 29,679 3 %" in unknown
    (reason,) = [each for each in rows if each.startswith("\u2715Not delivered: the address does not exist")]
    assert "Fix the address, then resend." in reason
    assert "321of 321 100 %" in reason


def test_a_domain_stands_as_people_write_it_beside_how_it_is_stored(page):
    assert "\u4f8b\u3048.jp (xn--r8jz45g.jp)" in page.texts["main"][0]


@pytest.mark.parametrize(
    "text", ["<script>alert(1)</script>", '"><img src=x onerror=alert(1)>', "a\u202eb", "{{ 7*7 }}"]
)
def test_names_from_strangers_are_text_and_nothing_else(text):
    summary = summary_of_a_month()
    summary.sent_by_domain[text] = 5
    summary.failed_by_domain[text, ("soft_bounced", "blocked")] = 5
    html = html_of(summary, account=text)
    page = Page(html)
    assert not page.all("script")
    assert len(page.all("img")) == 4
    seen = text.replace("\u202e", "\\u202e")
    assert page.texts["h1"] == [f"Account {seen}"]
    assert seen in page.texts["table"][-1]
    assert "\u202e" not in html


def test_the_same_figures_are_the_same_page(html):
    assert html_of() == html


def test_every_column_has_a_name_that_is_read_out(page):
    assert all(each.strip() for each in page.texts["th"])
    assert not [name for _, attributes in page.elements for name in attributes if name == "hidden"]


def test_no_worker_that_reads_is_a_warning(html):
    assert "No worker was reading events" in html_of(reading=False)
    assert "No worker was reading events" not in html


def test_an_account_without_failures_says_so():
    days = Counter({LAST: 1})
    summary = Summary(delivery=Counter(delivered=1), engagement=Counter(none=1), sent_by_day=days)
    text = Page(html_of(summary, account=None)).texts
    assert text["h1"] == ["All accounts"]
    assert "img" not in text
    for each in (
        "No chart: it needs two days of 20 emails or more.",
        "Nothing was reported as not delivered.",
        "No domain has any that was not delivered.",
        "No hard bounce of 1 email.",
    ):
        assert each in text["main"][0]
