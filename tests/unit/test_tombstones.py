"""What a worker knows of people who were forgotten, and what it tells of that. DynamoDB is faked at the client."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError
from structlog.testing import capture_logs

from email_activity.domain.errors import TransientError
from email_activity.domain.tombstones import PersonKey, Tombstone
from email_activity.ingest import tombstones as module
from email_activity.ingest.store import marshall
from email_activity.ingest.tombstones import READ_EVERY, TOO_OLD, Tombstones
from email_activity.settings import SettingsError, load_settings
from events import ANA, BEN, Email, lambda_sqs, raw
from fakesite import FakeDynamoDB, FakeSite, message
from strategies import truncated, without_tags

KEY = PersonKey("k" * 32)
NOW = datetime.now(UTC)


def bury(dynamodb: FakeDynamoDB, address: str, number: int = 1, at: datetime = NOW, key: PersonKey = KEY) -> None:
    item = Tombstone(number, key.hash(address), key.id, at).to_item()
    dynamodb.put_item(TableName="table", Item=marshall(item))


@pytest.fixture
def now(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    now = [1000.0]
    monkeypatch.setattr(module.time, "monotonic", lambda: now[0])
    return now


@pytest.fixture
def dynamodb() -> FakeDynamoDB:
    return FakeDynamoDB()


@pytest.fixture
def known(dynamodb: FakeDynamoDB, now: list[float]) -> Tombstones:  # noqa: ARG001
    made = Tombstones(dynamodb, "table", KEY)  # type: ignore[arg-type]
    made.read(1)
    return made


def test_a_batch_goes_by_what_is_at_most_ten_seconds_old(
    known: Tombstones, dynamodb: FakeDynamoDB, now: list[float]
) -> None:
    bury(dynamodb, ANA)
    dynamodb.calls.clear()
    assert not known.begin(1).people
    assert dynamodb.calls == []
    now[0] += READ_EVERY + 0.1
    for _ in range(3):
        assert set(known.begin(1).people) == {KEY.hash(ANA)}
    assert dynamodb.calls == ["Query"]


def test_only_what_is_newer_is_asked_for(known: Tombstones, dynamodb: FakeDynamoDB) -> None:
    asked: list[str] = []
    dynamodb.before = lambda _, what: asked.append(what.get("ExpressionAttributeValues", {}).get(":last", {}).get("S"))
    for number, address in enumerate((ANA, BEN), 1):
        bury(dynamodb, address, number)
        known.read(1)
    assert [each for each in asked if each] == ["000000000000", "000000000001"]
    assert set(known.begin(1).people) == {KEY.hash(ANA), KEY.hash(BEN)}


def test_a_process_tells_the_oldest_under_which_it_has_anything_in_hand(
    known: Tombstones, dynamodb: FakeDynamoDB
) -> None:
    with known.ending(known.begin(1)):
        bury(dynamodb, ANA)
        known.read(1)
        newer = known.begin(1)
        with known.ending(newer):
            assert (newer.number, known.ended_before) == (1, 0)
        assert known.ended_before == 0
    assert known.ended_before == 1
    assert Tombstones(dynamodb, "table", KEY).ended_before is None  # type: ignore[arg-type]


def test_another_table_has_tombstones_of_its_own(known: Tombstones, dynamodb: FakeDynamoDB) -> None:
    bury(dynamodb, ANA, 5)
    known.read(1)
    dynamodb.replace()
    bury(dynamodb, BEN, 2)
    forgotten = known.begin(2)
    assert (set(forgotten.people), forgotten.number) == ({KEY.hash(BEN)}, 2)


@pytest.mark.parametrize(("key", "got"), [(None, "not set"), (PersonKey("x" * 32), "got another")])
def test_a_worker_without_the_key_takes_nothing(dynamodb: FakeDynamoDB, key: PersonKey | None, got: str) -> None:
    """It would record again who was forgotten."""
    bury(dynamodb, ANA)
    with pytest.raises(SettingsError, match=f"FORGET_KEY: {got}"):
        Tombstones(dynamodb, "table", key).read(1)  # type: ignore[arg-type]
    with pytest.raises(TransientError, match="OtherForgetKey"):
        Tombstones(dynamodb, "table", key).begin(1)  # type: ignore[arg-type]


def refuse(code: str) -> Any:
    def raise_it(call: str, _: Any) -> None:
        if call == "Query":
            raise ClientError({"Error": {"Code": code}}, call)

    return raise_it


def test_a_role_of_an_older_template_stops_no_worker_that_has_no_key(dynamodb: FakeDynamoDB) -> None:
    dynamodb.before = refuse("AccessDeniedException")
    keyless = Tombstones(dynamodb, "table", None)  # type: ignore[arg-type]
    with capture_logs() as logs:
        keyless.read(1)
        keyless.read(1)
    assert [line["event"] for line in logs] == ["tombstones_not_readable"]
    with pytest.raises(TransientError, match="AccessDenied"):
        Tombstones(dynamodb, "table", KEY).read(1)  # type: ignore[arg-type]


@pytest.mark.parametrize("answer", [{}, {"Count": 0}])
def test_an_answer_that_is_not_dynamodbs_is_not_taken_for_nobody(dynamodb: FakeDynamoDB, answer: Any) -> None:
    dynamodb.query = lambda **_: answer  # type: ignore[method-assign]
    with pytest.raises(TransientError, match="KeyError"):
        Tombstones(dynamodb, "table", KEY).read(1)  # type: ignore[arg-type]


# --- In the pipeline ---


@pytest.fixture
def site() -> FakeSite:
    return FakeSite()


def process(site: FakeSite, *bodies: str) -> list[dict[str, Any]]:
    components = site.components(load_settings(activity_table="table", forget_key="k" * 32))
    pipeline = components.pipeline()
    with capture_logs() as logs:
        pipeline.process([message(body, handle=str(number)) for number, body in enumerate(bodies)])
    return [line for line in logs if line["event"] == "batch"]


def test_events_of_a_forgotten_person_are_deleted_and_counted(site: FakeSite) -> None:
    bury(site.dynamodb, ANA)
    old = NOW - timedelta(days=1)
    alone, both = Email(to=(ANA,), sent_at=old), Email(to=(ANA, BEN), sent_at=old)
    (line,) = process(site, raw(alone.send()), raw(both.send()), raw(Email(to=(BEN,), sent_at=old).send()))
    assert (line["forgotten"], line["redacted"], line["activity"], line["deleted"]) == (1, 1, 2, 3)
    assert ANA not in str(site.dynamodb.items).lower()
    assert BEN in str(site.dynamodb.items)


def test_of_several_events_in_a_message_each_is_judged_alone(site: FakeSite) -> None:
    bury(site.dynamodb, ANA)
    old = NOW - timedelta(days=1)
    bens = Email(to=(BEN,), sent_at=old)
    (line,) = process(site, lambda_sqs(raw(Email(to=(ANA,), sent_at=old).send()), raw(bens.send())))
    assert (line["activity"], line["redacted"]) == (1, 1)
    assert {key[0] for key in site.dynamodb.facts} == {f"EMAIL#{bens.message_id}"}


def test_an_event_that_names_nobody_is_known_by_the_emails_destinations(site: FakeSite) -> None:
    """Headers were cut and tags are missing, so it has no recipient fact."""
    bury(site.dynamodb, ANA)
    old = NOW - timedelta(days=1)
    opened = truncated(without_tags(Email(to=(ANA,), sent_at=old).open()))
    both = truncated(without_tags(Email(to=(ANA, BEN), sent_at=old).open()))
    (line,) = process(site, raw(opened), raw(both))
    assert (line["forgotten"], line["redacted"]) == (1, 1)
    assert "ip_address" not in str(site.dynamodb.items)


def test_mail_sent_to_them_afterwards_is_recorded(site: FakeSite) -> None:
    bury(site.dynamodb, ANA, at=NOW - timedelta(minutes=1))
    (line,) = process(site, raw(Email(to=(ANA,), sent_at=NOW).send()))
    assert "forgotten" not in line
    assert ANA in str(site.dynamodb.items)


def test_nothing_is_written_under_what_was_read_long_ago(site: FakeSite, now: list[float]) -> None:
    """A process that was suspended in the middle of a batch may have been taken for gone."""
    run = site.redis.run

    def suspended(commands: Any) -> Any:
        now[0] += TOO_OLD + 1
        return run(commands)

    site.redis.run = suspended
    (line,) = process(site, raw(Email(to=(ANA,)).send()))
    assert (line["returned"], site.dynamodb.facts) == (1, set())


def test_the_workers_item_tells_the_key_and_the_number(site: FakeSite) -> None:
    bury(site.dynamodb, ANA, 7)
    components = site.components(load_settings(activity_table="table", forget_key="k" * 32))
    components.pipeline()
    components.table_identity.probe()
    (item,) = site.dynamodb.beside("WORKERS")
    assert (item["tombstone"], item["key_id"]) == (7, KEY.id)
    assert "k" * 32 not in str(site.dynamodb.items)
