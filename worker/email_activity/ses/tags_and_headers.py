"""What the sender attached to an email: SES's message tags, and the email's own headers. Pure."""

from collections.abc import Collection, Iterator, Mapping

from email_activity.domain.keys import canonical_json
from email_activity.ses.encoded_words import decode_words
from email_activity.ses.event_objects import Mail

CONFIGURATION_SET, TENANT, OUTGOING_IP = "ses:configuration-set", "ses:tenant-name", "ses:outgoing-ip"

#: Tags that SES adds by itself begin so.
#: https://docs.aws.amazon.com/ses/latest/dg/event-publishing-retrieving-sns-contents.html
AUTOMATIC = "ses:"

#: Bytes, as JSON, of the tags of one activity: so it stays below the 1,024 of one write unit.
MAX_TAGS = 200

#: Characters of what becomes a key (document type and id, account). SES's tags have 256 at most; a longer text in
#: their place is none of these.
#: https://docs.aws.amazon.com/ses/latest/APIReference-V2/API_MessageTag.html
MAX_KEY_TEXT = 1_000


def first_tag(mail: Mail, name: str) -> str | None:
    return next(iter((mail.tags or {}).get(name, ())), None)


def short_tags(mail: Mail, name: str) -> Iterator[str]:
    """Those that may become a key."""
    texts = (value.strip() for value in (mail.tags or {}).get(name, ()))
    return (text for text in texts if 0 < len(text) <= MAX_KEY_TEXT)


def kept_tags(mail: Mail, elsewhere: Collection[str]) -> Mapping[str, list[str]]:
    """The sender's own tags and the address that the mail went out from; those that fit, in order of their names.

    elsewhere: names of tags that have a place of their own.
    """
    kept: dict[str, list[str]] = {}
    size = len("{}")
    for name, values in sorted((mail.tags or {}).items(), key=lambda tag: (tag[0] != OUTGOING_IP, tag[0])):
        if name in elsewhere or (name.casefold().startswith(AUTOMATIC) and name != OUTGOING_IP):
            continue
        more = len(canonical_json({name: values}).encode()) - len("{}") + (len(",") if kept else 0)
        if size + more <= MAX_TAGS:
            kept[name] = list(values)
            size += more
    return kept


def header_texts(mail: Mail, name: str) -> Iterator[str]:
    """SES rewrites the casing of header names."""
    name = name.casefold()
    values = (value for header, value in mail.headers or () if header.casefold() == name)
    return (text for text in map(decode_words, values) if text)


def short_headers(mail: Mail, name: str) -> Iterator[str]:
    """Those that may become a key."""
    return (text for text in header_texts(mail, name) if len(text) <= MAX_KEY_TEXT)


def is_unread(mail: Mail, tag: str, header: str) -> bool:
    """Whether anything stands under one of these names, or may do so, that is no text or too long for a key."""
    if tag in mail.unknown.get("tags", ()) or any(
        len(value) > MAX_KEY_TEXT for value in (mail.tags or {}).get(tag, ())
    ):
        return True
    name = header.casefold()
    odd = mail.unknown.get("headers", ())
    names = (str(each.get("name")).casefold() if isinstance(each, dict) else name for each in odd)
    return name in names or any(len(text) > MAX_KEY_TEXT for text in header_texts(mail, header))
