"""What an email carries beside its document: tags that are kept, and whose word it is. Pure."""

import re
from collections.abc import Collection, Mapping

from email_activity.domain.errors import UntrustedAccountError, UntrustedConfigurationSetError
from email_activity.domain.keys import canonical_json
from email_activity.ses.parse import Mail

CONFIGURATION_SET, TENANT, OUTGOING_IP = "ses:configuration-set", "ses:tenant-name", "ses:outgoing-ip"

#: Tags that SES adds by itself begin so.
#: https://docs.aws.amazon.com/ses/latest/dg/event-publishing-retrieving-sns-contents.html
AUTOMATIC = "ses:"

#: Bytes, as JSON, of the tags of one activity: so it stays below the 1,024 of one write unit.
MAX_TAGS = 200

#: As AWS makes them. What looks otherwise is a stranger's text, and errors are logged.
#: https://docs.aws.amazon.com/ses/latest/APIReference-V2/API_CreateConfigurationSet.html
_ACCOUNT = re.compile(r"[0-9]{12}", re.ASCII)
_CONFIGURATION_SET = re.compile(r"[A-Za-z0-9_-]{1,64}", re.ASCII)


def first_tag(mail: Mail, name: str) -> str | None:
    return next(iter((mail.tags or {}).get(name, ())), None)


def kept_tags(mail: Mail, elsewhere: Collection[str]) -> Mapping[str, list[str]]:
    """The sender's own tags and the address that the mail went out from; those that fit, in order of their names.

    elsewhere: names of tags that have a place of their own.
    """
    kept: dict[str, list[str]] = {}
    size = len("{}")
    for name, values in sorted((mail.tags or {}).items(), key=lambda tag: (tag[0] != OUTGOING_IP, tag[0])):
        if name in elsewhere or (name.startswith(AUTOMATIC) and name != OUTGOING_IP):
            continue
        more = len(canonical_json({name: values}).encode()) - len("{}") + (len(",") if kept else 0)
        if size + more <= MAX_TAGS:
            kept[name] = list(values)
            size += more
    return kept


def refuse_untrusted(mail: Mail, accounts: Collection[str], configuration_sets: Collection[str]) -> None:
    """Empty: all are believed. What does not tell its own is not one of those that are.

    Raises UntrustedAccountError or UntrustedConfigurationSetError.
    """
    account, configuration_set = mail.sending_account_id or "", first_tag(mail, CONFIGURATION_SET) or ""
    if accounts and account not in accounts:
        raise UntrustedAccountError(_shown(account, _ACCOUNT))
    if configuration_sets and configuration_set not in configuration_sets:
        raise UntrustedConfigurationSetError(_shown(configuration_set, _CONFIGURATION_SET))


def _shown(given: str, shape: re.Pattern[str]) -> str:
    if not given:
        return "it tells none"
    return given if shape.fullmatch(given) else "one that AWS does not have"
