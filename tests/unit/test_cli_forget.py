"""What `forget` and `export` say and refuse. That they erase on a real table is in tests/integration."""

import json
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from click.testing import CliRunner, Result

from email_activity.cli.main import main
from email_activity.domain.tombstones import PersonKey, Tombstone
from email_activity.domain.worker_process import WorkerProcess
from email_activity.erasure import eraser, forget, table
from email_activity.erasure.forget import LIVE
from events import ANA, BEN, CLEO, Email, raw
from faketable import FakeDynamoDB
from reading import items_of

SECRET = "k" * 32
KEY = PersonKey(SECRET)
NOW = datetime.now(UTC)

ALONE = Email(to=(ANA,))
BOTH = Email(to=(ANA, BEN))
BENS = Email(to=(BEN,))
EVENTS = (
    *(ALONE.send(), ALONE.open(), BOTH.send(), BOTH.delivery([ANA]), BOTH.delivery([BEN]), BOTH.open()),
    *(BENS.send(), BENS.bounce(recipients=[CLEO]), BENS.delivery() | {"new": f"passed on to <{ANA}>"}),
)


class Fake(FakeDynamoDB):
    def describe_table(self, **_: Any) -> dict[str, Any]:
        return {"Table": {"TableArn": "arn:facts", "CreationDateTime": NOW}}


@pytest.fixture(autouse=True)
def dynamodb(monkeypatch: pytest.MonkeyPatch) -> Iterator[Fake]:
    fake = Fake(items_of(map(raw, EVENTS)).values())
    monkeypatch.setenv("ACTIVITY_TABLE", "facts")
    monkeypatch.setenv("FORGET_KEY", SECRET)
    monkeypatch.setattr(table, "dynamodb_client", lambda _: fake)
    for module in (eraser, forget):
        monkeypatch.setattr(module, "LOOK_EVERY", 0)
    return fake


def run(*arguments: str, code: int = 0, given: str | None = None) -> Result:
    result = CliRunner().invoke(main, arguments, input=given)
    assert result.exit_code == code, result.output
    assert "Traceback" not in result.output
    if arguments[0] == "forget":
        assert "ana@" not in result.output.lower()
    return result


def worker(process: str, *, ago: timedelta = timedelta(), **others: Any) -> dict[str, Any]:
    at = datetime.now(UTC) - ago  # not the time of the import, which may be long ago
    return WorkerProcess("web", process, "1.0.0", at, at, **others).to_item()


def add(dynamodb: Fake, *items: dict[str, Any]) -> None:
    dynamodb.items.update({(item["pk"], item["sk"]): item for item in items})


def emails_naming(dynamodb: Fake, text: str) -> set[str]:
    return {pk for (pk, sk), item in dynamodb.items.items() if text in f"{sk} {item}".lower()}


def test_without_a_key_it_says_how_to_make_one(monkeypatch: pytest.MonkeyPatch, dynamodb: Fake) -> None:
    monkeypatch.setenv("FORGET_KEY", "")
    assert "openssl rand -hex 32" in run("forget", ANA, "--yes", code=2).output
    assert not emails_naming(dynamodb, "forgotten")
    monkeypatch.setenv("FORGET_KEY", "short")
    output = run("forget", ANA, "--yes", code=2).output
    assert "FORGET_KEY: got '***', want" in output


@pytest.mark.parametrize("command", ["forget", "export"])
@pytest.mark.parametrize("given", ["ana", "", "@example.com", "ana@"])
def test_what_is_no_address_is_refused(command: str, given: str) -> None:
    assert "want an email address" in run(command, "-", code=2, given=given).output


def test_it_asks_or_wants_yes(dynamodb: Fake) -> None:
    before = dict(dynamodb.items)
    assert "give --yes" in run("forget", ANA, code=2).output
    assert dynamodb.items == before


def test_a_dry_run_counts_and_changes_nothing(monkeypatch: pytest.MonkeyPatch, dynamodb: Fake) -> None:
    monkeypatch.setenv("FORGET_KEY", "")
    before = dict(dynamodb.items)
    assert "openssl rand -hex 32" in run("forget", ANA, "--dry-run").stderr.splitlines()[-1]
    would = json.loads(run("forget", f"Ana <{ANA.upper()}>", "--dry-run", "--json").stdout)
    assert dynamodb.items == before
    monkeypatch.setenv("FORGET_KEY", SECRET)
    did = json.loads(run("forget", "-", "--yes", "--json", given=f"{ANA}\n").stdout)
    del would["items_scanned"]  # what went by the index is not scanned
    assert {**did["counts"], **would} == did["counts"]
    assert (would["emails"], would["items_deleted"] > 0, would["items_redacted"] > 0) == (3, True, True)
    assert emails_naming(dynamodb, ANA) == set()


def test_the_certificate_tells_what_was_done_and_the_tombstone_stays(dynamodb: Fake) -> None:
    certificate = json.loads(run("forget", ANA, "--yes", "--json").stdout)
    assert (certificate["person"], certificate["key_id"], certificate["number"]) == (KEY.hash(ANA), KEY.id, 1)
    assert (certificate["table"], certificate["runs"], certificate["workers"]) == ("arn:facts", 1, 0)
    assert certificate["counts"]["index_entries_gone"] > 0
    tombstone = dynamodb.items["FORGOTTEN", "000000000001"]
    assert (tombstone["person"], tombstone["progress"]) == (KEY.hash(ANA), {})
    assert tombstone["finished_at"]
    again = json.loads(run("forget", ANA, "--yes", "--json").stdout)
    assert (again["number"], again["counts"].get("emails", 0)) == (2, 0)
    assert "forgotten: 0 items deleted" in run("forget", ANA, "--yes").stdout


def test_without_a_scan_other_peoples_mail_is_not_looked_at(dynamodb: Fake) -> None:
    certificate = json.loads(run("forget", ANA, "--yes", "--json", "--no-scan").stdout)
    assert certificate["is_scanned"] is False
    assert emails_naming(dynamodb, ANA) == {f"EMAIL#{BENS.message_id}"}


def test_workers_that_would_bring_the_person_back_are_named_and_nothing_is_done(dynamodb: Fake) -> None:
    add(dynamodb, worker("1", tombstone=0, key_id=KEY.id), worker("2"), worker("3", ago=LIVE, key_id="other"))
    before = dict(dynamodb.items)
    output = run("forget", ANA, "--yes", code=1).output
    assert "1 worker process (web#2) would record the person again" in output
    assert dynamodb.items == before
    add(dynamodb, worker("2", tombstone=0, key_id=PersonKey("x" * 32).id))
    assert "web#2" in run("forget", ANA, "--yes", code=1).output


def test_another_key_than_that_of_others_is_refused(monkeypatch: pytest.MonkeyPatch, dynamodb: Fake) -> None:
    run("forget", BEN, "--yes")
    monkeypatch.setenv("FORGET_KEY", "x" * 32)
    before = dict(dynamodb.items)
    assert "not the key under which others were forgotten" in run("forget", ANA, "--yes", code=1).output
    assert dynamodb.items == before


def test_of_two_keys_at_the_same_moment_one_is_refused(monkeypatch: pytest.MonkeyPatch, dynamodb: Fake) -> None:
    """Both found no tombstone. Under two keys no worker would take a message any more."""
    other = PersonKey("o" * 32)
    theirs = Tombstone(1, other.hash(BEN), other.id, NOW).to_item()
    monkeypatch.setattr(forget.Forgetting, "check", lambda _: add(dynamodb, theirs))
    assert "FORGET_KEY is not the key" in run("forget", ANA, "--yes", code=1).output
    assert [sk for pk, sk in dynamodb.items if pk == theirs["pk"]] == [theirs["sk"]]


def test_nothing_is_deleted_before_every_live_worker_knows(monkeypatch: pytest.MonkeyPatch, dynamodb: Fake) -> None:
    """One knows, one learns of it while we look, one is gone."""
    add(
        dynamodb,
        worker("1", tombstone=1, key_id=KEY.id),
        worker("2", tombstone=0, key_id=KEY.id),
        worker("3", ago=LIVE),
    )
    looks = []

    def look(_: float) -> None:
        assert emails_naming(dynamodb, ANA)
        assert dynamodb.items["FORGOTTEN", "000000000001"]
        looks.append(1)
        if len(looks) == 3:
            add(dynamodb, worker("2", tombstone=1, key_id=KEY.id))

    monkeypatch.setattr(forget, "time", SimpleNamespace(sleep=look, monotonic=time.monotonic))
    certificate = json.loads(run("forget", ANA, "--yes", "--json").stdout)
    assert (certificate["workers"], len(looks)) == (2, 3)


def test_a_worker_that_never_learns_of_it_ends_the_wait(monkeypatch: pytest.MonkeyPatch, dynamodb: Fake) -> None:
    monkeypatch.setattr(forget, "WAIT_FOR_WORKERS", 0)
    add(dynamodb, worker("2", tombstone=0, key_id=KEY.id))
    assert "(web#2) did not learn of it" in run("forget", ANA, "--yes", code=1).output
    assert emails_naming(dynamodb, ANA)
    add(dynamodb, worker("2", tombstone=1, key_id=KEY.id))
    certificate = json.loads(run("forget", ANA, "--yes", "--json").stdout)  # the tombstone is the same
    assert (certificate["number"], certificate["runs"]) == (1, 2)


def test_mail_that_was_sent_after_the_request_stays(dynamodb: Fake) -> None:
    later = Email(to=(ANA,), sent_at=datetime.now(UTC) + timedelta(minutes=1))
    add(dynamodb, *items_of([raw(later.send())]).values())
    run("forget", ANA, "--yes")
    assert emails_naming(dynamodb, ANA) == {f"EMAIL#{later.message_id}"}


@pytest.mark.parametrize("index", ["by_recipient", "by_account"])
def test_an_index_that_lags_is_waited_for_and_named_in_the_end(
    monkeypatch: pytest.MonkeyPatch, dynamodb: Fake, index: str
) -> None:
    stale = {key: item for key, item in dynamodb.items.items() if item.get("mail_recipient") == ANA}
    query, lags = dynamodb.query, [2]

    def lagging(**request: Any) -> Any:
        if request.get("IndexName") != index or not lags[0]:
            return query(**request)
        now = dynamodb.items
        lags[0] -= stale.keys().isdisjoint(now)
        dynamodb.items = {**now, **stale}
        try:
            return query(**request)
        finally:
            dynamodb.items = now

    monkeypatch.setattr(dynamodb, "query", lagging)
    run("forget", ANA, "--yes")
    assert lags == [0]
    add(dynamodb, *stale.values())
    lags[0] = 10**6
    monkeypatch.setattr(eraser, "GONE_WITHIN", 0)
    assert "still shows what was deleted" in run("forget", ANA, "--yes", code=1).output


def test_an_export_is_all_of_the_person_and_nothing_of_others(dynamodb: Fake) -> None:
    told = json.loads(run("export", ANA.upper()).stdout)
    assert (told["address"], told["table"], told["is_scanned"]) == (ANA, "facts", True)
    items = told["items"]
    assert BEN not in json.dumps(items)
    alone = [item for item in items if item["email_id"] == ALONE.message_id]
    assert len(alone) == len([pk for pk, _ in dynamodb.items if pk == f"EMAIL#{ALONE.message_id}"])
    (opened,) = [item for item in alone if item.get("kind") == "Open"]
    assert {"ip_address", "user_agent"} <= opened["detail"].keys()
    (shared,) = [item for item in items if item["email_id"] == BOTH.message_id and item.get("kind") == "Open"]
    assert not {"ip_address", "user_agent"} & shared["detail"].keys()
    assert [item["mentioned_in"] for item in items if item["email_id"] == BENS.message_id] == [["unknown"]]
    assert {item["fact"] for item in items} == {"activity", "recipient", "extra"}


def test_whose_address_ends_with_the_persons_is_in_no_export(dynamodb: Fake) -> None:
    theirs = Email(to=[f"o'{CLEO}"])
    add(dynamodb, *items_of([raw(theirs.bounce())]).values())
    assert theirs.message_id not in run("export", CLEO).stdout


def test_an_export_of_nobody_says_so_by_its_exit_code() -> None:
    assert json.loads(run("export", "nobody@example.com", code=1).stdout)["items"] == []
    assert json.loads(run("export", ANA, "--no-scan").stdout)["is_scanned"] is False
