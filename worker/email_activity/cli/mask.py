"""Personal data masked, so that a message can be shown to whoever looks after the queue. Pure.

What may be shown is listed, field by field, with the shape that it must have; everything else becomes `***`, also
what SES adds tomorrow. Names of fields are shown if they look like names.
"""

import itertools
import json
import re
from collections.abc import Collection
from urllib.parse import urlsplit

from email_activity.domain.jsontext import load_json
from email_activity.domain.kinds import KINDS

MASK = "***"

WORDS = r"[A-Za-z]+(?:[ -][A-Za-z]+){0,3}"
TIME = r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d(?::\d\d(?:\.\d{1,9})?)?(?: ?(?:Z|[+-]\d\d:?\d\d))?"
#: With a digit in it: a name in the place of an id is none.
ID = r"(?=[A-Za-z_-]*\d)[A-Za-z0-9][A-Za-z0-9_-]{0,127}"
TAG = r"[A-Za-z0-9][A-Za-z0-9_-]{0,127}"
ARN = r"arn:aws[a-z-]*:(?:events|ses|sns|sqs):[a-z0-9-]*:\d{12}:[A-Za-z0-9_./:-]+"
#: What a server says begins with its codes.
SAID = r"(?:smtp; ?)?\d{3}(?:[ -]\d\.\d{1,3}\.\d{1,3})?"

#: Fields and the shape in which each may be shown.
SHAPES = {
    **dict.fromkeys(("eventType", "notificationType", "detail-type", "Type", "action", "isBotEvent"), WORDS),
    **dict.fromkeys(("bounceType", "bounceSubType", "delayType"), WORDS),
    **dict.fromkeys(("complaintSubType", "complaintFeedbackType", "subscriptionStatus"), WORDS),
    **dict.fromkeys(("timestamp", "Timestamp", "time", "arrivalDate", "expirationTime", "first_received"), TIME),
    **dict.fromkeys(("messageId", "MessageId", "feedbackId", "id", "message_id"), ID),
    **dict.fromkeys(("TopicArn", "sourceArn", "eventSourceARN", "resources", "RULE_ARN", "TARGET_ARN"), ARN),
    **dict.fromkeys(("EXHAUSTED_RETRY_CONDITION", "ERROR_CODE", "reason"), r"[A-Za-z_]{1,64}"),
    **dict.fromkeys(("SignatureVersion", "version", "RETRY_ATTEMPTS", "receive_count"), r"\d{1,4}"),
    **dict.fromkeys(("sendingAccountId", "account"), r"\d{12}"),
    **dict.fromkeys(("ses:configuration-set", "ses:tenant-name"), TAG),
    "status": r"\d\.\d{1,3}\.\d{1,3}",
    "source": r"aws\.ses",
    "eventSource": r"aws:(?:sns|sqs)",
    "region": r"[a-z]{2}(?:-[a-z]+){1,3}-\d",
    "worker_version": r"\d{1,4}(?:\.[0-9a-z]{1,8}){1,4}",
}

NUMBERS = frozenset({"processingTimeMillis"})
LINKS = frozenset({"link", "SigningCertURL", "SigningCertUrl", "SubscribeURL", "UnsubscribeURL", "UnsubscribeUrl"})
SERVER_SAID = frozenset({"diagnosticCode", "smtpResponse"})

NAME = re.compile(r"[A-Za-z_$][A-Za-z0-9_:$-]{0,63}")

#: What may be shown of a text that was to be JSON and is not: these words and the punctuation.
KNOWN_WORDS = frozenset(
    {*SHAPES, *NUMBERS, *LINKS, *SERVER_SAID}
    | {word for kind in KINDS for word in (kind.key, *kind.name.split())}
    | {"mail", "tags", "headers", "commonHeaders", "destination", "recipients", "name", "value", "emailAddress"}
    | {"bouncedRecipients", "complainedRecipients", "delayedRecipients", "subject", "ipAddress", "userAgent"}
    | {"Message", "Records", "Sns", "body", "detail"}
)
MARKUP = re.compile(r"[{}\[\]<>\"=&]")
WORD = re.compile(r"[^\s{}\[\]<>\"=&:,\\]+")

#: In display form or not: the part before the @, and the domain.
ADDRESS = re.compile(
    r"(?:[^<>]{0,200}<)?([^\s@<>\"]{1,320})@((?:[A-Za-z0-9-]{1,63}\.){1,9}[A-Za-z][A-Za-z0-9-]{1,62})>?"
)

#: Marks of an address, an IP address or a link in a text that is none of these as a whole.
SUSPICIOUS = re.compile(r"@|\uff20|%40|://|\?|(?:\d{1,3}\.){3}\d|:[0-9a-f]*:|\(at\)", re.IGNORECASE)

#: Characters: what is shorter has no letter to spare.
SHORT = 3


def mask(body: str, tags: Collection[str] = ()) -> str:
    """The text of a message: JSON as JSON, with JSON inside of it masked inside. tags: names of more that may be shown,
    which are those of the tags and headers that tell the document.
    """
    shapes = SHAPES | dict.fromkeys(tags, TAG)
    try:
        document = load_json(body)
        return json.dumps(_value("", document, shapes)) if isinstance(document, dict | list) else MASK
    except ValueError:
        return text(body)
    except RecursionError:
        return MASK


def attribute(name: str, value: str) -> str:
    """Of a message, not of its body."""
    return str(_value(name, value, SHAPES))


def text(given: str) -> str:
    """Prose without addresses; of what looks like data or markup only the words that everybody's has."""
    if MARKUP.search(given):
        return WORD.sub(lambda found: found[0] if found[0] in KNOWN_WORDS else MASK, given)
    return plain(given)


def plain(given: str) -> str:
    """A text that is an id or prose: without addresses and what goes with them."""
    return re.sub(r"\S+", lambda found: _word(found[0]), given)


def _word(word: str) -> str:
    return _address(word.strip(".,;:()'")) if SUSPICIOUS.search(word) else word


def _address(given: str) -> str:
    """`Ann <ann@example.com>` -> `a***@example.com`; what is no address is masked whole."""
    found = ADDRESS.fullmatch(given) if "@" in given else None
    if not found:
        return MASK
    first = found[1][0] if len(found[1]) >= SHORT and found[1][0].isalnum() else ""
    return f"{first}{MASK}@{found[2]}"


def _value(name: str, value: object, shapes: dict[str, str]) -> object:
    match value:
        case dict():
            return _object(name, value, shapes)
        case list():
            return [_value(name, each, shapes) for each in value]
        case str():
            return _text(name, value, shapes)
        case int() | float() if not isinstance(value, bool) and name not in NUMBERS:
            return MASK
    return value


def _object(name: str, given: dict[str, object], shapes: dict[str, str]) -> dict[str, object]:
    if name == "headers" and given.keys() == {"name", "value"}:
        header = str(given["name"])
        return {"name": header if NAME.fullmatch(header) else MASK, "value": _value(header, given["value"], shapes)}
    # `***`, `***2` ...: names that do not look like names stay apart.
    masks = (MASK if number == 1 else f"{MASK}{number}" for number in itertools.count(1))
    return {each if NAME.fullmatch(each) else next(masks): _value(each, value, shapes) for each, value in given.items()}


def _text(name: str, value: str, shapes: dict[str, str]) -> str:
    if not value:
        return value
    if value.lstrip().startswith(("{", "[")):
        return _inner(value, shapes)
    if name in shapes and re.fullmatch(shapes[name], value):
        return value
    if name in SERVER_SAID:
        codes = re.match(SAID, value)
        return f"{codes[0]} {MASK}" if codes else MASK
    if name in LINKS:
        return _link(value)
    return _address(value)


def _inner(value: str, shapes: dict[str, str]) -> str:
    try:
        return json.dumps(_value("", load_json(value), shapes))
    except (ValueError, RecursionError):
        return MASK


def _link(value: str) -> str:
    """The host alone: paths and queries tell who was asked to click."""
    try:
        host = urlsplit(value).hostname or ""
    except ValueError:
        return MASK
    return f"https://{host}/{MASK}" if re.fullmatch(r"[a-z0-9-]+(?:\.[a-z0-9-]+)*\.[a-z]{2,}", host) else MASK
