"""The lists of agents that the judgement of opens and clicks ships with, made anew from other projects' lists.

    pip install --no-deps --target FOLDER device-detector crawler-user-agents
    python tests/agentlists/collect.py FOLDER

Each list becomes a file of JSON lines in worker/email_activity/activity/engagement/lists/: first what it is, where it
comes from, its licence and copyright, what is changed, and the day; then `[name, regular expression, texts]`. An agent
can match only if it has one of the texts (in lower case), so that a reader of the list compiles and tries few of the
expressions.
"""

import json
import re
import sys
import warnings
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from importlib.metadata import distributions
from pathlib import Path
from typing import Any, NamedTuple

import yaml

with warnings.catch_warnings():
    warnings.simplefilter("ignore", DeprecationWarning)
    from re import _constants as op
    from re import _parser as parser

LISTS = Path(__file__).parent.parent.parent / "worker/email_activity/activity/engagement/lists"

#: (name, regular expression)
Row = tuple[str, str]

#: Matomo's: a token begins where no letter or digit stands before it.
#: https://github.com/matomo-org/device-detector/blob/master/Parser/AbstractParser.php
BEGIN = r"(?:^|[^a-z0-9_-]|[^a-z0-9-]_|sprd-|mz-)"

#: Of Matomo's apps: what fetches by itself, and what stands for anything.
NOT_READERS = re.compile(
    r"Existence Discovery|SyncProc|Mashup|DownloadManager|1PasswordThumbs|UnityPlayer|Siri/|^WhatsApp|CloudAPI"
    r"|WhatsApp\(|Viber|Podcast|Castro|Overcast|Downcast"
)

#: Of Matomo's libraries: parts of apps that people read mail in.
NOT_ROBOTS = re.compile(r"SafariViewService|AppleCoreMedia|okhttp|OkDownload|Dart/|Embarcadero|BTWebClient|WinHTTP$")

#: Of crawler-user-agents: image proxies of mail providers, apps with a browser inside, and parts of apps.
PROXIES_AND_APPS = re.compile(r"GoogleImageProxy|YahooMailProxy|^okhttp$|^Code\\/|Shortwave Image")


def literals(pattern: str) -> list[str]:
    """Texts of which any match has one, in lower case; empty if there is none."""
    return sorted(_texts(parser.parse(pattern, re.IGNORECASE)) or [])


def _texts(parsed: Iterable[tuple[Any, Any]]) -> set[str]:
    found: list[set[str]] = []
    run = ""
    for kind, value in parsed:
        letter = _letter(kind, value)
        if letter:
            run += letter
            continue
        found += [{run}] if run else []
        run = ""
        found += filter(None, [_inner(kind, value)])
    found += [{run}] if run else []
    return max(found, key=lambda texts: min(map(len, texts)), default=set())


def _letter(kind: Any, value: Any) -> str:
    if kind is op.LITERAL:
        return chr(value).lower()
    if kind is op.IN and all(each[0] is op.LITERAL for each in value):
        letters = {chr(each[1]).lower() for each in value}
        return letters.pop() if len(letters) == 1 else ""
    return ""


def _inner(kind: Any, value: Any) -> set[str]:
    if kind is op.SUBPATTERN:
        return _texts(value[-1])
    if kind in (op.MAX_REPEAT, op.MIN_REPEAT) and value[0] > 0:
        return _texts(value[2])
    if kind is op.BRANCH:
        branches = [_texts(each) for each in value[1]]
        return set().union(*branches) if all(branches) else set()
    return set()


def fixed_width(pattern: str) -> str:
    """PHP's lookbehinds may have branches of different widths; Python's may not."""
    return re.sub(
        r"\(\?<!((?:\\.|[^()\\])*)\)", lambda found: "".join(f"(?<!{each})" for each in found[1].split("|")), pattern
    )


def matomo(folder: Path, name: str) -> Iterator[Row]:
    for part in ("upstream", "local"):
        path = folder / "device_detector/regexes" / part / name
        for row in yaml.safe_load(path.read_text("utf-8")) if path.exists() else ():
            yield str(row.get("name") or ""), BEGIN + "(?:" + fixed_width(row["regex"]) + ")"


def readers(folder: Path) -> Iterator[Row]:
    for name in ("client/pim.yml", "client/mobile_apps.yml"):
        for title, pattern in matomo(folder, name):
            if not NOT_READERS.search(pattern.removeprefix(BEGIN + "(?:")) and "\\g<" not in title:
                # `Viber` is no `ViberUrlDownloader`, `Pinterest` no `Pinterestbot`.
                yield title, pattern + "(?:(?<![a-z])|(?![a-z]))"


def robots(folder: Path) -> Iterator[Row]:
    for title, pattern in (*matomo(folder, "bots.yml"), *matomo(folder, "client/libraries.yml")):
        if not NOT_ROBOTS.search(pattern) and not title.endswith(("Mail Proxy", "Email Proxy", "Image Proxy")):
            yield title, pattern


def crawlers(folder: Path) -> Iterator[Row]:
    path = folder / "crawleruseragents/crawler-user-agents.json"
    for row in json.loads(path.read_text("utf-8")):
        if not PROXIES_AND_APPS.search(row["pattern"]):
            yield re.sub(r"\\(.)", r"\1", row["pattern"]), row["pattern"]


class Origin(NamedTuple):
    source: str
    licence: str
    copyright: str


def write(name: str, what: str, origin: Origin, changed: str, rows: Iterable[Row]) -> None:
    changed += "; each with the texts of which an agent must have one"
    head = {"what": what, **origin._asdict(), "changed": changed, "made": f"{datetime.now(UTC):%Y-%m-%d}"}
    lines = [head, *([title, pattern, literals(pattern)] for title, pattern in rows)]
    text = "".join(json.dumps(each, ensure_ascii=False) + "\n" for each in lines)
    (LISTS / name).write_text(text, "utf-8")
    print(f"{name}: {len(lines) - 1}")


def main() -> None:
    folder = Path(sys.argv[1])
    version = {each.metadata["Name"].replace("_", "-"): each.version for each in distributions(path=[str(folder)])}
    detector = Origin(
        f"device-detector {version['device-detector']}, which has the lists of https://github.com/matomo-org/device-detector",
        "LGPL-3.0-or-later",
        "the Matomo team and contributors, https://matomo.org",
    )
    crawling = Origin(
        f"crawler-user-agents {version['crawler-user-agents']}, https://github.com/monperrus/crawler-user-agents",
        "MIT",
        "2017 Martin Monperrus",
    )
    people = "pim.yml and mobile_apps.yml, without apps that fetch by themselves"
    fetching = "bots.yml and libraries.yml, without image proxies and parts of apps"
    own = "crawler-user-agents.json, without image proxies and apps"
    write("readers.jsonl", "programs and apps in which people read", detector, people, readers(folder))
    write("robots.jsonl", "robots, and libraries that fetch", detector, fetching, robots(folder))
    write("crawlers.jsonl", "robots", crawling, own, crawlers(folder))


if __name__ == "__main__":
    main()
