"""Personal data in a message that is shown: whatever is not listed as harmless is masked."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from email_activity.cli.mask import MASK, SHAPES, attribute, mask, plain, text
from events import FORMS, KINDS, Email, raw, sns

#: In each secret, so that it is found wherever it is.
CORE = "zq7secret"

#: What nobody may see in any place, also in that of an id, a time or a kind.
SECRETS = (
    f"{CORE}@example.com",
    f"Zq7secret Person <{CORE}@example.com>",
    f"{CORE}+tag=x@mail.example.co.uk",
    f"https://pay.example/{CORE}?t={CORE}",
    f"//pay.example/?{CORE}",
    f"Agent {CORE}/1.0 (X11)",
    f"smtp; 550 5.1.1 <{CORE}@example.com>: no such user",
    f"Your invoice, {CORE}!",
    "198.51.100.77",
    "2001:db8::ff00:42:8329",
    json.dumps({"to": f"{CORE}@example.com", f"{CORE}@example.com": [CORE]}),
)


def shows(shown: str) -> bool:
    return any(each in shown.lower() for each in (CORE, "person", "198.51.100.77", "2001:db8", "ff00:42"))


def places(value: Any) -> list[tuple[Any, Any]]:
    """Every container in a document, with each key or place in it."""
    if isinstance(value, dict):
        found: list[tuple[Any, Any]] = [(value, key) for key in value]
        return found + [each for inner in value.values() for each in places(inner)]
    if isinstance(value, list):
        return [(value, at) for at in range(len(value))] + [each for inner in value for each in places(inner)]
    return []


@st.composite
def planted(draw: st.DrawFn) -> str:
    """An event of any kind in any form, with a secret put into a place of it or added as a field or a name."""
    event = draw(st.sampled_from(list(KINDS.values())))(Email())
    for _ in range(draw(st.integers(1, 3))):
        container, key = draw(st.sampled_from(places(event)))
        secret = draw(st.sampled_from(SECRETS))
        match draw(st.sampled_from(["value", "name", "new", "listed"])):
            case "value":
                container[key] = secret
            case "listed":
                container[key] = [secret, {"name": secret, "value": secret}]
            case "name" if isinstance(container, dict):
                container[secret] = 1
            case _ if isinstance(container, dict):
                container["somethingNew"] = draw(st.sampled_from([secret, CORE, {"deep": [CORE]}]))
    return draw(st.sampled_from(list(FORMS.values())))(event)


@given(planted())
def test_no_planted_secret_shows(body):
    assert not shows(mask(body))


@given(planted(), st.data())
def test_no_planted_secret_shows_in_what_is_cut_and_so_is_no_json(body, data):
    cut = data.draw(st.integers(1, len(body) - 1))
    assert not shows(mask(body[:cut]))
    assert not shows(mask(body[cut:] + "}"))


@given(st.lists(st.sampled_from([*SECRETS[:5], "see", "me,", "198.51.100.77", "2001:db8::ff00:42:8329"])))
def test_no_address_shows_in_a_plain_text(words):
    assert not shows(text(" ".join(words)))


@given(st.text(max_size=200))
def test_any_text_is_masked_without_an_error(body):
    assert isinstance(mask(body), str)


def test_what_helps_an_operator_is_shown():
    email = Email()
    body = email.bounce()
    shown = json.loads(mask(raw(body), tags=("document_type", "document_id")))
    assert shown["eventType"] == "Bounce"
    assert shown["mail"]["messageId"] == email.message_id
    assert shown["mail"]["timestamp"] == body["mail"]["timestamp"]
    assert shown["mail"]["destination"] == ["a***@example.com"]
    assert shown["mail"]["tags"]["document_id"] == ["2026-117"]
    assert shown["mail"]["tags"]["account_id"] == [MASK]
    assert shown["mail"]["commonHeaders"]["subject"] == MASK
    assert shown["bounce"]["bounceType"] == "Permanent"
    (recipient,) = shown["bounce"]["bouncedRecipients"]
    assert recipient == {
        "emailAddress": "a***@example.com",
        "action": "failed",
        "status": "5.1.1",
        "diagnosticCode": "smtp; 550 5.1.1 ***",
    }


def test_of_a_click_neither_address_nor_agent_nor_path_is_shown():
    shown = json.loads(mask(raw(Email().click(link="https://pay.sender.example/2026-117?token=abc"))))["click"]
    assert (shown["ipAddress"], shown["userAgent"]) == (MASK, MASK)
    assert shown["link"] == "https://pay.sender.example/***"


def test_json_inside_of_a_text_is_masked_inside():
    inner = json.loads(json.loads(mask(sns(Email().delivery())))["Message"])
    assert inner["eventType"] == "Delivery"
    assert inner["delivery"]["recipients"] == ["a***@example.com"]


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        ("ana@example.com", "a***@example.com"),
        ("Ana Smith <ana@example.com>", "a***@example.com"),
        ("al@example.com", "***@example.com"),
        ("ana@localhost", MASK),
        ("ana@192.0.2.1", MASK),
        ("ana@example.com, ben@example.com", MASK),
        ('"ana smith"@example.com', MASK),
    ],
)
def test_an_address_keeps_its_first_letter_and_its_domain(given, shown):
    assert json.loads(mask(json.dumps({"to": given}))) == {"to": shown}


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        ("mail ana@example.com, soon", "mail a***@example.com soon"),
        ("no event at all: 7", "no event at all: 7"),
        ("from 192.0.2.1 via ::1", f"from {MASK} via {MASK}"),
        ('{"eventType": "Open", "mail": {"source": "An', '{"eventType": "Open", "mail": {"source": "***'),
        ("<b>Ana</b>", "<***>***<***>"),
    ],
)
def test_a_text_that_is_no_json(given, shown):
    assert text(given) == shown


@pytest.mark.parametrize("body", ['"zq7secret"', "12345678", "[" * 200_000, '{"a":' * 100_000])
def test_what_is_no_object_shows_nothing(body):
    assert CORE not in mask(body)
    assert "12345678" not in mask(body)


def test_numbers_are_masked_unless_they_are_listed():
    assert json.loads(mask('{"phone": 491701234567, "processingTimeMillis": 12, "isNew": true, "none": null}')) == {
        "phone": MASK,
        "processingTimeMillis": 12,
        "isNew": True,
        "none": None,
    }


def test_names_that_do_not_look_like_names_are_masked_and_stay_apart():
    assert json.loads(mask('{"ana@example.com": true, "192.0.2.1": false, "ok_name": null}')) == {
        MASK: True,
        f"{MASK}2": False,
        "ok_name": None,
    }


def test_attributes_of_a_message_are_masked_like_fields():
    assert attribute("ERROR_CODE", "NO_PERMISSIONS") == "NO_PERMISSIONS"
    assert attribute("whatever", "ana smith") == MASK
    assert plain("2026/117") == "2026/117"


@pytest.mark.parametrize("piece", ["a", "1", "1.", ":", "a@", "@", "a.", "<", '\\"', " ", "f:", "a-"])
def test_a_megabyte_of_anything_is_masked_within_the_tests_patience(piece):
    """What takes quadratic time would take hours."""
    body = piece * (1_000_000 // len(piece))
    assert isinstance(mask(body), str)
    for name in ("x", *SHAPES, "link", "diagnosticCode"):
        assert isinstance(attribute(name, body[:100_000]), str)
