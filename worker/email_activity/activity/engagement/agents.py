"""What a user agent tells of itself: a mail program, an image proxy, a robot, a browser. Pure, but for the lists.

The lists of `lists/` are those of other projects (each file names source, licence and day). They decide in this order:
fetches ahead that one exact agent gives away, image proxies, programs in which people read, robots, browsers. A name
like `Pinterestbot` holds a reader's name, so what calls itself a robot is none.
"""

import json
import re
from dataclasses import dataclass
from functools import cache, lru_cache
from importlib.resources import files
from typing import Any, Literal

Kind = Literal[
    "none", "apple_prefetch", "gmail_prefetch", "image_proxy", "reader", "robot", "library", "browser", "other"
]

#: Agents of which the kind is remembered: browsers, their versions and phones make some thousands.
REMEMBERED = 8_192

#: Characters of an agent that are looked at; people's have less than half as many.
MAX_LOOKED_AT = 512

#: Apple's Mail Privacy Protection loads every image ahead of reading, under exactly this agent.
#: https://help.socketlabs.com/docs/identifying-apple-mpp-opens-in-notification-api-events
APPLE_PREFETCH = "Mozilla/5.0"

#: Gmail's own fetch, ahead of reading. https://www.sparkpost.com/blog/gmail-prefetching-images
GMAIL_PREFETCH = "Chrome/42.0.2311.135 Safari/537.36 Edge/12.246 Mozilla/5.0"

#: Proxies of mail providers: of Gmail, Yahoo, Yandex, Seznam, Rambler, Ukr.net, and what else names itself so.
_PROXY = re.compile(
    r"(?P<name>GoogleImageProxy|YahooMailProxy|YandexImageResizer|SeznamEmailProxy|RamblerMail|UkrNetMailProxy"
    r"|Shortwave Image Fetcher|\w{0,20}(?:e?mail|image|img)[ _-]?proxy\b|\w{0,20}Image[ _-]?Resizer)",
    re.IGNORECASE,
)

#: What no program for people says of itself: a robot, or the page that tells about it.
_SELF_NAMED = re.compile(
    r"(?<!cu)bots?\b(?! tab)|bot[-/]|crawl|spider|scanner|\bscan\b|headless|preview(?!/)|existence discovery"
    r"|protocol discovery|\+ ?https?:|phantomjs|puppeteer|playwright|selenium|(?:url|link) ?check|resolver|urldownload",
    re.IGNORECASE,
)

#: Services that look at mail, where they name themselves, and what no browser's agent holds: a mail address.
_SCANNER = re.compile(
    r"barracuda|proofpoint|mimecast|twinwave|cloudmark|urlscan|virustotal|safe ?links|fireeye|trendmicro|ironport"
    r"|[\w.+-]@[\w-]{1,63}\.[a-z]",
    re.IGNORECASE,
)

#: Libraries that apps on phones load images with, mail programs among them; nobody clicks with one.
_LIBRARY = re.compile(r"okhttp|\bDart/|OkDownload|AppleCoreMedia", re.IGNORECASE)

#: Mail programs and apps that the lists lack, or name in other words.
#: https://github.com/ua-parser/uap-core/blob/master/regexes.yaml (Apache-2.0) for the mail programs.
_READERS = (
    ("Outlook", re.compile(r"ms-office|MSOffice|Microsoft Outlook|Microsoft Office Outlook|^Outlook|OneOutlook")),
    ("Superhuman", re.compile("Superhuman")),
    (
        "Apple Mail",
        re.compile(
            r"^Mozilla/5\.0 \((?:Macintosh|iPhone|iPad)[^()]*\) AppleWebKit/[\d.]+ \(KHTML, like Gecko\)"
            r"(?: Mobile/\w+)?$"
        ),
    ),
    ("an app on an Apple device", re.compile(r"CFNetwork/[\d.]+ Darwin/")),
    ("an app on Android", re.compile(r"^Dalvik/")),
    ("a text browser", re.compile(r"^(?:Lynx|E?Links|w3m|Dillo|NetSurf)\b", re.IGNORECASE)),
    (
        "an app with a browser inside",
        re.compile(r"FBAN|FBAV|FB_IAB|MicroMessenger|TeamsMobile|\bTeams/|Slack_SSB/|\bSlack/|GSA/|\bLine/"),
    ),
)

#: A browser as people have it, without anything beside it: most agents, so the lists need not be asked.
_PLAIN = re.compile(
    r"Mozilla/5\.0 \((?:"
    r"Windows NT [\d.]+(?:; (?:Win64|WOW64|x64|rv:[\d.]+))*"
    r"|Macintosh; Intel Mac OS X [\d_.]+(?:; rv:[\d.]+)?"
    r"|X11; (?:(?:U|Ubuntu|Fedora|CrOS); )?(?:Linux|CrOS) \w+(?: [\d.]+)?(?:; rv:[\d.]+)?"
    r"|(?:iPhone|iPad); (?:U; )?CPU (?:iPhone )?OS [\d_]+ like Mac OS X"
    r"|(?:Linux; )?Android [\d.]+(?:; (?!\w*bot|\w*http)[\w .+-]+(?: Build/[\w.]+)?)?"
    r")\)"
    r" (?:AppleWebKit/[\d.]+ \(KHTML, like Gecko\)|Gecko/[\d.]+)"
    r"(?: Mobile| (?:Version|Chrome|CriOS|FxiOS|EdgiOS|Firefox|Safari|Mobile|Edge?|EdgA|OPR|SamsungBrowser)/[\w.]+)+",
    re.IGNORECASE,
)
_BROWSER = re.compile(
    r"^(?:Mozilla/\d|Opera/)[^(]*\(.*?(?:Chrome|Firefox|Safari|Trident|MSIE|Opera|Presto|Gecko|AppleWebKit)"
)

#: In this order: Android's agents say Linux too, and those of iPhones Mac OS X.
_SYSTEMS = ("Android", "iPhone", "iPad", "Windows", "Macintosh", "Mac OS X", "CrOS", "Linux")
_PHONES = frozenset({"Android", "iPhone", "iPad"})


@dataclass(frozen=True, slots=True)
class Agent:
    """name: of the program, where a list has it. system: the operating system that it claims."""

    kind: Kind
    name: str = ""
    system: str = ""

    @property
    def is_phone(self) -> bool:
        return self.system in _PHONES


def agent_of(text: str) -> Agent:
    """text: a User-Agent header as SES reports it, so whatever somebody wrote who opened the email."""
    return _agent_of(text.strip()[:MAX_LOOKED_AT])


@lru_cache(maxsize=REMEMBERED)
def _agent_of(text: str) -> Agent:
    kind, name = _kind(text)
    return Agent(kind, name, next((each for each in _SYSTEMS if each in text), ""))


def _kind(text: str) -> tuple[Kind, str]:
    if text.strip("-").casefold() in ("", "unknown", "null", "none"):
        return "none", ""
    if text == APPLE_PREFETCH:
        return "apple_prefetch", ""
    if text.endswith(GMAIL_PREFETCH):
        return "gmail_prefetch", ""
    return ("browser", "") if _PLAIN.fullmatch(text) else _listed(text)


def _listed(text: str) -> tuple[Kind, str]:
    if proxy := _PROXY.search(text):
        return "image_proxy", proxy["name"]
    names_itself = _SELF_NAMED.search(text)
    if not names_itself and (name := _reader(text)):
        return "reader", name
    if _LIBRARY.search(text):
        return "library", ""
    if name := _first("robots", text) or _first("crawlers", text):
        return "robot", name
    if names_itself or _SCANNER.search(text):
        return "robot", text[:40]
    return ("browser", "") if _BROWSER.search(text) else ("other", "")


def _reader(text: str) -> str:
    return next((name for name, pattern in _READERS if pattern.search(text)), "") or _first("readers", text)


def _first(which: str, text: str) -> str:
    """Of the first row of a list that matches; empty if none does."""
    lowered = text.casefold()
    rows = sorted({number for literal, numbers in _index(which) if literal in lowered for number in numbers})
    flags = 0 if which == "crawlers" else re.IGNORECASE
    return next(
        (name for name, pattern in map(_rows(which).__getitem__, rows) if _compiled(pattern, flags).search(text)), ""
    )


@cache
def _rows(which: str) -> list[tuple[str, str]]:
    return [(name, pattern) for name, pattern, _ in _list(which)[1:]]


@cache
def _index(which: str) -> list[tuple[str, list[int]]]:
    """Each text with the rows that may match where an agent has it. A row without one may match any."""
    found: dict[str, list[int]] = {}
    for number, (_, _, literals) in enumerate(_list(which)[1:]):
        for literal in literals or ("",):
            found.setdefault(literal, []).append(number)
    return list(found.items())


@cache
def _list(which: str) -> list[Any]:
    text = files("email_activity.activity.engagement").joinpath(f"lists/{which}.jsonl").read_text("utf-8")
    return [json.loads(line) for line in text.splitlines()]


@lru_cache(maxsize=1024)
def _compiled(pattern: str, flags: int) -> re.Pattern[str]:
    return re.compile(pattern, flags)
