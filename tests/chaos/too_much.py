"""Poison by size: as much text, structure, depth or people as one message has room for."""

import json
from collections.abc import Iterator

from stuffing import Inside, Poison, a_list, a_string, an_object, digits, stuffed, written

from events import Email, lambda_sqs, nested

# --- A megabyte of text ---

#: At each place for a text.
LONG_TEXTS = {
    ("Delivery", "eventType"): "refused_by_table",
    ("Delivery", "mail.messageId"): "message_id_too_long",
    ("Delivery", "mail.timestamp"): "refused_by_table",
    ("Delivery", "mail.source"): "refused_by_table",
    ("Delivery", "mail.sourceArn"): "activity",
    ("Send", "mail.destination.0"): "refused_by_table",
    # Too long to be one, so as good as none: an activity without a recipient fact.
    ("Delivery", "mail.tags.document_type.0"): "activity",
    ("Delivery", "mail.tags.document_id.0"): "activity",
    ("Delivery", "mail.tags.account_id.0"): "activity",
    ("Delivery", "mail.headers.0.name"): "activity",
    ("Delivery", "mail.headers.0.value"): "activity",
    ("Delivery", "mail.commonHeaders.subject"): "refused_by_table",
    ("Delivery", "delivery.timestamp"): "refused_by_table",
    ("Delivery", "delivery.recipients.0"): "refused_by_table",
    ("Delivery", "delivery.smtpResponse"): "refused_by_table",
    ("Bounce", "bounce.bouncedRecipients.0.emailAddress"): "refused_by_table",
    ("Bounce", "bounce.bouncedRecipients.0.diagnosticCode"): "refused_by_table",
    ("Complaint", "complaint.complaintFeedbackType"): "refused_by_table",
    ("Click", "click.link"): "refused_by_table",
    ("Click", "click.linkTags.place.0"): "refused_by_table",
    ("Subscription", "subscription.newTopicPreferences.brandNew"): "refused_by_table",
    ("Rendering Failure", "failure.errorMessage"): "refused_by_table",
}


def long_texts() -> Iterator[Poison]:
    for (kind, path), end in LONG_TEXTS.items():
        yield Poison(f"a megabyte of text as {path} of a {kind}", stuffed(a_string(), path, kind=kind), end)


# --- A megabyte of structure ---

#: Deeper than any parser of JSON goes.
DEEP = 100_000

STRUCTURES: dict[str, Inside] = {
    "empty lists": a_list("[]"),
    "empty objects": a_list("{}"),
    "names": an_object("[]"),
    "digits": digits,
}
DEPTHS: dict[str, Inside] = {
    "lists in lists": written("[" * DEEP + "]" * DEEP),
    "objects in objects": written('{"a":' * DEEP + "0" + "}" * DEEP),
}

#: At each place, the end for each structure.
ENDS = {
    "mail": ("no_mail", "no_mail", "no_message_id", "no_mail"),
    "mail.destination": ("too_many_recipients", "too_many_recipients", "refused_by_table", "refused_by_table"),
    "mail.headers": ("refused_by_table", "activity", "refused_by_table", "refused_by_table"),
    "mail.tags": ("refused_by_table", "refused_by_table", "activity", "refused_by_table"),
    "delivery.recipients": ("too_many_recipients", "too_many_recipients", "refused_by_table", "refused_by_table"),
    "brandNew": ("refused_by_table",) * 4,
}


def structures() -> Iterator[Poison]:
    for path, ends in ENDS.items():
        for (name, inside), end in zip(STRUCTURES.items(), ends, strict=True):
            yield Poison(f"a megabyte of {name} as {path}", stuffed(inside, path), end)
    yield Poison("a megabyte of fractions", stuffed(a_list("1.25"), "brandNew"), "refused_by_table")
    for path in ("mail", "mail.tags", "delivery.recipients", "brandNew"):
        for name, inside in DEPTHS.items():
            yield Poison(f"{DEEP} {name} as {path}", stuffed(inside, path), "nested_too_deep")
    yield Poison("nothing but open lists", lambda: "[" * 1_000_000, "nested_too_deep")
    yield Poison("a megabyte of nothing", lambda: '"' + " " * 1_000_000 + '"', "not_ses")
    yield Poison("a megabyte of half an event", lambda: '{"mail":' * 100_000, "nested_too_deep")
    yield Poison("envelopes in envelopes", lambda: nested(Email().send(), 10), "nested_too_deep")


# --- Too many ---

CROWD = [f"person{number}@example.com" for number in range(200)]


def crowds() -> Iterator[Poison]:
    for path, of in {
        "mail.destination": '"a@b.c"',
        "delivery.recipients": '"a@b.c"',
        "bounce.bouncedRecipients": '{"emailAddress":"a@b.c"}',
    }.items():
        kind = "Bounce" if "bounce" in path else "Delivery"
        yield Poison(f"as many {path} as fit", stuffed(a_list(of), path, kind=kind), "too_many_recipients")
    yield Poison("as many headers as fit", stuffed(a_list('{"name":"Subject","value":""}'), "mail.headers"), "activity")
    large = "a megabyte to each of 200 people"
    yield Poison(large, stuffed(a_string(), "delivery.smtpResponse", to=CROWD), "too_much_work")
    not_so_large = stuffed(a_string(most=20_000), "delivery.smtpResponse", to=CROWD)
    yield Poison("twenty kilobytes to each of 200 people", not_so_large, "activity")
    yield Poison("half a million records", lambda: '{"Records":[' + "0," * 500_000 + "0]}", "not_ses")
    yield Poison("as many small events as fit", lambda: small_events(4_000, people=0), "too_much_work")
    yield Poison("as many events to 200 people as fit", lambda: small_events(500, people=200), "too_much_work")


def small_events(count: int, people: int) -> str:
    mail = {"tags": {"document_type": ["invoice"]}, "destination": [f"{number:x}" for number in range(people)]}
    events = ({"eventType": "Send", "mail": mail | {"messageId": f"m{number}"}} for number in range(count))
    return lambda_sqs(*(json.dumps(event, separators=(",", ":")) for event in events))
