"""Events with a mark in everything that a person, a sender or a server wrote, and a search for marks in what is shown.

Each mark begins with CORE and goes on with where it stood, so that what leaks says where it is from. Some values must
keep their form to be read as what they are: the IP addresses, and a domain in letters of its own.
"""

import html
import json
import re
from base64 import b64encode, urlsafe_b64encode
from hashlib import sha256
from typing import Any
from urllib.parse import unquote

from events import KINDS, Email, Event, as_identity_notification, eventbridge, lambda_sns, raw, sns

CORE = "zq7mark"

ADDRESS = f"{CORE}-local@{CORE}-domain.example"
UMLAUT = f"{CORE}-other@zq7mörk.example"
IP, IP6 = "198.51.100.177", "2001:db8::5a51:1977"
LINK = f"https://pay.{CORE}-host.example/{CORE}-path?t={CORE}-query&to=ana%40{CORE}-asked.example#{CORE}-fragment"
AGENT = f"Mozilla/5.0 (X11; Linux x86_64) {CORE}-agent/1.0"
SAID = f"550 5.1.1 <{ADDRESS}>: {CORE}-said from [{IP}], user unknown"

#: What tells that one of them is there.
SECRETS = (CORE, "zq7mörk", "xn--zq7mrk-zxa", IP, IP6, "2001:0db8:0000:0000:0000:0000:5a51:1977")

#: By the name that SES gives a field, in whichever event it stands.
FIELDS: dict[str, Any] = {
    "ipAddress": IP,
    "sourceIp": IP,
    "remoteMtaIp": IP6,
    "userAgent": AGENT,
    "link": LINK,
    "linkTags": {"place": [f"{CORE}-link-tag"]},
    "smtpResponse": f"250 2.0.0 {ADDRESS} {CORE}-queued",
    "diagnosticCode": f"smtp; {SAID}",
    "reason": f"{CORE}-reason",
    "errorMessage": f"Attribute '{CORE}-attribute' of {ADDRESS} is not present",
    "templateName": f"{CORE}-template",
    "contactList": f"{CORE}-list",
    "reportingMTA": f"dns; {CORE}-mta.example",
    "callerIdentity": f"{CORE}-caller",
}

EMAIL = Email(
    to=(f"{CORE.title()}-Display Person <{ADDRESS}>", UMLAUT),
    sender=f"{CORE.title()}-Sender <{CORE}-sender@{CORE}-from.example>",
    subject=f"Invoice of {CORE}-subject, {ADDRESS}",
    tags={"campaign": f"{CORE}-tag"},
    headers={"X-Note": f"{CORE}-header", "Reply-To": f"{CORE}-reply@example.com"},
)


def marked_events(email: Email = EMAIL) -> list[Event]:
    """One of each kind as SES makes them, and one of a kind and with fields that it does not have yet."""
    later = email.event(f"{CORE}-kind", {"timestamp": email.mail()["timestamp"], "reader": ADDRESS})
    made = [make(email) for make in KINDS.values()]
    return [*(_with_fields(each) for each in made), later, made[0] | {f"{CORE}-name": [ADDRESS, {ADDRESS: IP}]}]


def _with_fields(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: FIELDS.get(name, _with_fields(each)) for name, each in value.items()}
    return [_with_fields(each) for each in value] if isinstance(value, list) else value


def marked(document: Any, *, but: str = "", place: str = "") -> Any:
    """A mark behind every text, and under a name of its own in every object. but: the field to leave as it is.

    It holds what a terminal would obey, and a line of its own.
    """
    mark = f" {CORE}-at{place}@example.com\x1b]0;{IP}\x07\n{CORE}-line"
    if isinstance(document, dict):
        inner = {
            name: value if name == but else marked(value, but=but, place=f"{place}.{name}")
            for name, value in document.items()
        }
        return {**inner, mark: mark}
    if isinstance(document, list):
        return [*(marked(each, but=but, place=place) for each in document), mark]
    return f"{document}{mark}" if isinstance(document, str) else document


def bodies() -> list[str]:
    """Messages with marks: what becomes facts, in each form and with marks in whichever place, and what nobody can
    read.
    """
    events = marked_events()
    wild = [marked(event, but=but) for event in events for but in ("eventType", "")]
    forms = [make(event) for event in events for make in (raw, sns, eventbridge, lambda_sns)]
    enveloped = [
        json.dumps(marked(json.loads(make(wild[0])), but=but))
        for make, but in ((sns, "Message"), (sns, ""), (eventbridge, "detail"), (eventbridge, ""))
    ]
    return [*forms, raw(as_identity_notification(events[0])), *map(raw, wild), *enveloped, *unreadable()]


def unreadable() -> list[str]:
    event = marked_events()[3]
    without_id = {**event, "mail": {name: value for name, value in event["mail"].items() if name != "messageId"}}
    return [
        raw(event)[:-40],
        f"{ADDRESS} is no JSON",
        raw({ADDRESS: IP}),
        raw([ADDRESS]),
        raw({name: value for name, value in event.items() if name != "mail"}),
        raw(without_id),
        raw({**event, "mail": {**event["mail"], "messageId": f"{ADDRESS}" * 20}}),
        # Known by its id, which is none of SES's.
        raw({**event, "mail": {**event["mail"], "messageId": ADDRESS, "destination": [ADDRESS] * 201}}),
        raw({"Records": [{ADDRESS: IP}]}),
    ]


def traces(*shown: object) -> set[str]:
    """What of the marks is in these outputs, as it is or encoded: quoted for a URL, HTML, JSON or a terminal, in
    capitals, in hexadecimal, in base64, or as the plain hash of an address.
    """
    given = "\n".join(each.decode(errors="replace") if isinstance(each, bytes) else str(each) for each in shown)
    text = given
    for undo in (unquote, html.unescape, _unescaped, unquote, _unescaped):
        text = undo(text)
    low = text.casefold()
    found = set(re.findall(rf"{CORE}[\w.-]*", low)) | {each for each in SECRETS[1:] if each in low}
    return found | {
        f"{name} of {secret}" for name, secret, code in _CODES if code in (low if name != "base64" else given)
    }


def _unescaped(text: str) -> str:
    """JSON's and Python's escapes of single characters, once or twice escaped themselves."""
    return re.sub(r"\\+(?:u|x)([0-9a-fA-F]{4}|[0-9a-fA-F]{2})", lambda found: chr(int(found[1], 16)), text)


def _codes(secret: str) -> set[tuple[str, str]]:
    code = secret.encode()
    found = {("hexadecimal", code.hex())}
    for before in range(3):
        # The characters that hold nothing but bits of the secret, wherever in a text it stands.
        first, last = -(-before * 8 // 6), (before + len(code)) * 8 // 6
        for encode in (b64encode, urlsafe_b64encode):
            found.add(("base64", encode(b"\0" * before + code + b"\0\0").decode()[first:last]))
    return found


_CODES = [
    *((name, secret, code) for each in SECRETS for secret in (each, each.title()) for name, code in _codes(secret)),
    *(("hash", secret, sha256(secret.encode()).hexdigest()[:12]) for secret in (ADDRESS, IP, IP6)),
]
