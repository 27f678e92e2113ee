"""SES's id of an email, in whichever form people have it. Pure."""

import re

#: `<0100...@email.amazonses.com>`, with or without the header's name before it.
_MESSAGE_ID = re.compile(
    r"^(?:message-id:\s*)?<?([^<>@\s]+)@(?!simulator\.)(?:[a-z0-9-]+\.)*amazonses\.com>?$", re.IGNORECASE
)


def email_id_in(text: str) -> str:
    """Of the id itself, or of the Message-ID header."""
    found = _MESSAGE_ID.match(text.strip())
    return found[1] if found else text.strip()
