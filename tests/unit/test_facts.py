"""Facts and their keys: what the table accepts, and reads back as it was."""

from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from email_activity.domain.facts import Activity, Assignment, Document, Extra, RecipientFact, read_fact
from email_activity.domain.keys import (
    canonical_json,
    digest,
    failure_day,
    failure_time,
    key_part,
    sent_key,
)

AT = datetime(2026, 11, 23, 10, 20, 30, 123000, tzinfo=UTC)

ACTIVITY = Activity(
    email_id="id-1",
    event_id="0" * 32,
    kind="Bounce",
    occurred_at=AT,
    occurred_at_source="event",
    recorded_at=AT,
    form="sns",
    expires_at=1_800_000_000,
    recipient="ana@example.com",
    recipient_as_written="Ana@example.com",
    destination_count=2,
    sender="billing@sender.example",
    subject="Your invoice",
    configuration_set="tracked",
    tenant="north",
    aws_account="111122223333",
    tags={"campaign": ["spring"], "ses:outgoing-ip": ["192.0.2.1"]},
    transport_id="sns-1",
    detail={"bounce_type": "Permanent", "link_tags": {"a": ["b"]}, "processing_time_millis": 5},
    failure_account="acme",
    failure_time="2026-11-23T10:20:30.123Z#00000000",
    failure_day="2026-11-23#0",
)

MAIL = RecipientFact(
    "id-1", "ana@example.com", 1_800_000_000, Document("invoice", "7"), "acme", AT.replace(microsecond=0)
)


EXTRA = Extra("id-1", "0" * 32, "Bounce", AT, '{"x":1}', 1_800_000_000)


# --- Keys ---


@pytest.mark.parametrize(
    ("fact", "parts"),
    [
        (ACTIVITY, ["EVENT", "2026-11-23T10:20:30.123Z", "Bounce", "0" * 32]),
        (EXTRA, ["EXTRA", "0" * 32]),
        (MAIL, ["RECIPIENT", "ana@example.com"]),
    ],
)
def test_the_key_of_a_fact_tells_what_it_is_about_and_its_content(fact, parts):
    item = fact.to_item()
    assert (item["pk"], item["schema_version"]) == ("EMAIL#id-1", 2)
    assert item["sk"].split("#")[:-1] == parts
    assert len(item["sk"].split("#")[-1]) == 16
    assert replace(fact, expires_at=5).to_item()["sk"] == item["sk"]


def test_other_unknown_fields_are_another_extra_fact():
    assert replace(EXTRA, unknown='{"x":2}').to_item()["sk"] != EXTRA.to_item()["sk"]


def test_an_activity_without_a_time_sorts_before_all_others():
    untimed = replace(ACTIVITY, occurred_at=None).to_item()["sk"]
    assert untimed.startswith("EVENT#-#Bounce#")
    assert untimed < replace(ACTIVITY, occurred_at=datetime(1, 1, 1, tzinfo=UTC)).to_item()["sk"]


def test_the_indexes_have_key_attributes_of_their_own():
    item = MAIL.to_item()
    assert (item["document"], item["mail_recipient"], item["account"]) == ("invoice#7", "ana@example.com", "acme")
    assert item["sent_key"] == "2026-11-23T10:20:30Z#id-1"
    assert not {"document", "mail_recipient", "account", "sent_key"} & ACTIVITY.to_item().keys()
    assert not {"failure_account", "failure_time", "failure_day"} & item.keys()


def test_a_mail_fact_says_nothing_twice_and_stands_in_no_index_of_what_it_lacks():
    assert not {"recipient", "document_type", "document_id", "account_id"} & MAIL.to_item().keys()
    bare = RecipientFact("id-1", "ana@example.com", 1).to_item()
    assert not {"document", "account"} & bare.keys()
    assert bare["sent_key"] == "-#id-1"


@pytest.mark.parametrize(
    ("text", "part"),
    [
        *((text, text) for text in ("ana@example.com", "2026/117", "x" * 320, "\u00e9" * 160)),
        *(("a#b", "a%23b"), ("100%", "100%25"), ("%23", "%2523")),
    ],
)
def test_a_key_part_cannot_be_taken_for_two(text, part):
    assert key_part(text) == part


@pytest.mark.parametrize("text", ["x" * 321, "\u00e9" * 161])
def test_a_part_over_320_bytes_stands_in_keys_as_its_hash(text):
    assert key_part(text).startswith("sha256:")
    assert len(key_part(text)) == 71
    assert key_part(text) != key_part(text + "x")


def test_the_longest_address_still_makes_a_key():
    for address in ("#" * 320, "%" * 320, "\U0001f600" * 80, "x" * 5000):
        item = RecipientFact("#" * 256, address, 1, Document("#" * 320, "%" * 320), "#" * 320, AT).to_item()
        assert len(item["sk"].encode()) <= 1024
        assert len(item["sent_key"].encode()) <= 1024
        assert all(len(item[name].encode()) <= 2048 for name in ("pk", "mail_recipient", "document", "account"))
        assert read_fact(item).recipient == address


def test_a_kind_is_cut_at_64_characters_in_the_key_only():
    kind = "#" * 65
    item = replace(ACTIVITY, kind=kind).to_item()
    assert f"#{'%23' * 64}#{'0' * 32}#" in item["sk"]
    assert item["kind"] == kind


def test_the_sort_key_of_the_indexes_is_the_second_of_sending():
    assert sent_key(AT, "id#1") == "2026-11-23T10:20:30Z#id%231"
    assert sent_key(None, "id-1") == "-#id-1"


# --- The content hash ---


#: An activity in another way, and whether that is another fact.
CHANGES = (
    *(({"recorded_at": AT + timedelta(hours=1)}, False), ({"form": "raw"}, False), ({"expires_at": 5}, False)),
    *(({"transport_id": "sns-2"}, False), ({"transport_id": None}, False), ({"sk": "whatever"}, False)),
    *(({name: None}, False) for name in ("failure_account", "failure_time", "failure_day")),
    *(({"occurred_at_source": "mail"}, True), ({"destination_count": 3}, True), ({"subject": "Other"}, True)),
    *(
        ({name: None}, True)
        for name in ("recipient_as_written", "sender", "configuration_set", "tenant", "aws_account")
    ),
    *(({"tags": {}}, True), ({"detail": {}}, True), ({"occurred_at": AT + timedelta(microseconds=1)}, True)),
)


@pytest.mark.parametrize(("change", "is_another"), CHANGES)
def test_only_another_content_is_another_fact_of_the_same_event(change, is_another):
    here, there = ACTIVITY.to_item(), replace(ACTIVITY, **change).to_item()
    assert (here["sk"] != there["sk"]) is is_another
    assert here["sk"].rpartition("#")[0] == there["sk"].rpartition("#")[0]


def test_the_hash_of_a_mail_fact_covers_who_what_for_whom_and_when_only():
    def key(**changes) -> str:
        return replace(MAIL, **changes).to_item()["sk"]

    assert key(expires_at=5) == key()
    differing = [{"document": None}, {"document": Document("invoice", "8")}, {"account": None}, {"sent_at": AT}]
    assert len({key(**change) for change in differing} | {key()}) == 4  # AT is the same second
    assert key(sent_at=AT + timedelta(seconds=1)) != key()


def test_a_digest_tells_lists_apart_that_read_alike():
    same = digest("a", "b")
    assert len(same) == 32
    assert len({same, digest("ab"), digest("a", "b", None), digest("a,b"), digest("b", "a"), digest('a","b')}) == 6


def test_canonical_json_is_one_text_for_one_value():
    assert canonical_json({"b": 1, "a": [True, None, "\u00e9"]}) == '{"a":[true,null,"\u00e9"],"b":1}'
    assert canonical_json(Decimal("1e40")) == '"1E+40"'


# --- The indexes of failures ---

#: Of an event; the last digit tells the shard.
EVENT_ID = "0a1b2c3d" + "0" * 23 + "6"


def test_a_failure_is_kept_near_its_sending_at_both_ends_of_the_calendar():
    """A reporting server's clock can be anywhere. Between the ends: property/test_keys.py."""
    first, last = datetime(1, 1, 1, tzinfo=UTC), datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC)
    assert failure_time(AT, first, EVENT_ID) == "0001-04-01T00:00:00.000Z#0a1b2c3d"
    assert failure_time(AT, last, EVENT_ID) == "9999-12-30T23:59:59.000Z#0a1b2c3d"
    assert failure_time(first, first, EVENT_ID) == "0001-01-01T00:00:00.000Z#0a1b2c3d"
    assert failure_time(last, last, EVENT_ID) == "9999-12-31T23:59:59.000Z#0a1b2c3d"


def test_a_failure_without_a_time_counts_at_its_sending_else_before_all():
    assert failure_time(None, AT, EVENT_ID) == "2026-11-23T10:20:30.123Z#0a1b2c3d"
    assert failure_time(None, None, EVENT_ID) == "-#0a1b2c3d"


def test_a_failure_stands_under_its_own_day_in_the_shard_of_its_event():
    assert failure_day(failure_time(AT, AT, EVENT_ID), EVENT_ID) == "2026-11-23#2"
    # The day of the key that it is sorted by, which is kept near the sending.
    assert failure_day(failure_time(AT, AT + timedelta(days=9), EVENT_ID), EVENT_ID) == "2026-12-01#2"
    assert failure_day("-#0a1b2c3d", EVENT_ID) == "-#2"


def test_the_failures_of_a_day_are_spread_evenly_over_its_four_shards():
    shards = Counter(failure_day("2026-11-23T10:20:30.123Z#x", digest(str(number))) for number in range(4_000))
    assert sorted(shards) == [f"2026-11-23#{shard}" for shard in range(4)]
    assert max(shards.values()) < 1_200


# --- Read back ---


def test_a_bare_activity_is_read_back_as_it_was():
    """A full one: property/test_keys.py."""
    bare = Activity("id", "0" * 32, "Open", None, None, AT, "raw", 1)
    item = bare.to_item()
    assert not {"recipient", "subject", "detail", "transport_id", "occurred_at"} & item.keys()
    assert read_fact(item) == replace(bare, sk=item["sk"])


@pytest.mark.parametrize(
    "fact",
    [
        MAIL,
        RecipientFact("id-1", "ana@example.com", 1),
        RecipientFact("a#b", "a#b@example.com", 1, Document("in#voice", "2026#7%"), "ac#me", MAIL.sent_at),
        RecipientFact("id-1", "x" * 400, 1, Document("y" * 400, "z" * 400), "w" * 400, MAIL.sent_at),
        *(EXTRA, replace(EXTRA, occurred_at=None), replace(EXTRA, email_id="a#b")),
    ],
)
def test_a_mail_fact_and_an_extra_fact_are_read_back_as_they_were(fact):
    assert read_fact(fact.to_item()) == fact


def test_an_assignment_is_read_back_also_to_a_document_of_a_long_name():
    item = {"pk": "EMAIL#id-1", "sk": "ASSIGN#2026-11-23T10:00:00Z#in%23voice#2026%257"}
    at = datetime(2026, 11, 23, 10, tzinfo=UTC)
    assert read_fact(item) == Assignment("id-1", at, Document("in#voice", "2026%7"))
    item = {"pk": "EMAIL#id-1", "sk": "ASSIGN#2026-11-23T10:00:00Z#invoice#sha256:00", "document_id": "x" * 400}
    assert read_fact(item).document == Document("invoice", "x" * 400)


def test_a_fact_of_a_later_version_is_left_alone():
    assert read_fact({"pk": "EMAIL#id-1", "sk": "LIFTED#2026"}) is None
