"""Laws of addresses, keys and hashes."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from email_activity.domain.addresses import normalize_address
from email_activity.domain.facts import Activity, Document, RecipientFact, read_fact
from email_activity.domain.jsontext import storable
from email_activity.domain.keys import (
    FAILURE_AFTER_SENT,
    FAILURE_BEFORE_SENT,
    MAX_KEY_PART_BYTES,
    NOT_CONTENT,
    canonical_json,
    email_id_of,
    email_key,
    failure_time,
    key_part,
)
from email_activity.domain.times import microseconds, parse_timestamp, rfc3339_exact
from mailboxes import mailboxes, spellings
from strategies import awkward_texts

texts = st.text(st.characters(codec="utf-8"))
words = awkward_texts.map(storable)
filled = words.filter(bool)
times = st.datetimes(timezones=st.just(UTC))
addresses = st.one_of(
    texts, st.builds("{} <{}@{}>".format, texts, texts, texts), st.builds("{}@{}".format, texts, texts)
)


@given(addresses)
def test_an_address_normalized_twice_is_the_same(written):
    once = normalize_address(written)
    assert normalize_address(once) == once


@given(addresses)
def test_case_never_matters(written):
    address = normalize_address(written)
    if address.isascii():
        assert normalize_address(address.upper()) == address


@given(st.data())
def test_every_spelling_of_a_mailbox_that_rfc_5322_allows_is_one_address(data):
    local, domain = data.draw(mailboxes)
    one, other = data.draw(spellings(local, domain)), data.draw(spellings(local, domain))
    assert normalize_address(one) == normalize_address(other)
    assert normalize_address(f"{one}, {other}") == normalize_address(one)


@given(mailboxes, mailboxes, st.data())
def test_two_mailboxes_are_two_addresses(one, other, data):
    written = [normalize_address(data.draw(spellings(*each))) for each in (one, other)]
    assert (written[0] == written[1]) == (one == other)


@given(texts)
def test_a_key_part_holds_no_mark_and_is_short_enough(text):
    part = key_part(text)
    assert "#" not in part
    assert len(part.encode()) <= 3 * MAX_KEY_PART_BYTES


@given(texts, texts)
def test_two_texts_are_two_key_parts(one, other):
    assert (key_part(one) == key_part(other)) == (one == other)


@given(st.text(st.characters(codec="utf-8"), max_size=80))
def test_an_email_id_is_read_back_from_its_key(email_id):
    assert email_id_of({"pk": email_key(email_id)}) == email_id


activities = st.builds(
    Activity,
    email_id=filled.map(lambda text: text[:80]),
    event_id=st.just("0" * 32),
    kind=filled,
    occurred_at=st.none() | times,
    occurred_at_source=st.sampled_from([None, "event", "mail"]),
    recorded_at=times.map(lambda at: at.replace(microsecond=at.microsecond // 1000 * 1000)),
    form=st.sampled_from(["sns", "raw"]),
    expires_at=st.integers(0, 2**40),
    recipient=st.none() | filled,
    recipient_as_written=st.none() | filled,
    destination_count=st.none() | st.integers(1, 50),
    sender=st.none() | filled,
    subject=st.none() | filled,
    aws_account=st.none() | filled,
    tags=st.dictionaries(filled, st.lists(words), max_size=2),
    transport_id=st.none() | filled,
    detail=st.dictionaries(filled, st.one_of(words, st.integers(), st.booleans(), st.lists(words)), max_size=3),
    failure_account=st.none() | filled,
    failure_time=st.none() | filled,
    failure_day=st.none() | filled,
)

recipient_facts = st.builds(
    RecipientFact,
    email_id=filled.map(lambda text: text[:80]),
    recipient=filled,
    expires_at=st.integers(0, 2**40),
    document=st.none() | st.builds(Document, filled, filled),
    account=st.none() | filled,
    sent_at=st.none() | times.map(lambda at: at.replace(microsecond=0)),
)


@given(activities)
def test_an_activity_is_read_back_as_it_was(activity):
    item = activity.to_item()
    assert read_fact(item) == replace(activity, sk=item["sk"])
    assert read_fact(item).to_item() == item


@given(activities, activities)
def test_when_and_how_a_copy_came_is_no_content(activity, other):
    content = {name: getattr(activity, name) for name in Activity.__slots__ if name not in NOT_CONTENT}
    assert replace(other, **content).to_item()["sk"] == activity.to_item()["sk"]


@given(recipient_facts)
def test_a_mail_fact_is_read_back_as_it_was(fact):
    assert read_fact(fact.to_item()) == fact


@given(st.dictionaries(texts, st.integers() | texts, min_size=2), st.randoms())
def test_canonical_json_does_not_depend_on_order(value, chance):
    names = list(value)
    chance.shuffle(names)
    assert canonical_json({name: value[name] for name in names}) == canonical_json(value)


@given(times, times)
def test_a_failure_lies_near_its_sending(occurred_at, sent_at):
    at = datetime.fromisoformat(failure_time(occurred_at, sent_at, "0" * 32).partition("#")[0])
    slack = timedelta(milliseconds=1)  # the index counts in milliseconds
    assert -FAILURE_BEFORE_SENT - slack <= at - sent_at <= FAILURE_AFTER_SENT
    if -FAILURE_BEFORE_SENT <= occurred_at - sent_at <= FAILURE_AFTER_SENT:
        assert timedelta(0) <= occurred_at - at < slack


@given(times)
def test_a_time_is_read_back_as_it_was_written(at):
    assert parse_timestamp(rfc3339_exact(at)).at == at
    assert parse_timestamp(rfc3339_exact(at)).identity == str(microseconds(at))


@given(texts)
def test_any_text_for_a_time_is_read_or_kept(text):
    read = parse_timestamp(text)
    assert read.text == text.strip()
    assert read.at is None or read.at.utcoffset() == timedelta(0)
