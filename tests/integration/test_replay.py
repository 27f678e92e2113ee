"""Archives into a real table, by the real program: killed, interrupted, without Redis, and after a loss."""

import gzip
import json
import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from typing import Any

from test_whole_path import facts_of

from email_activity.ingest.claims import Claim, Claims, namespace
from email_activity.redis_client.commands import RedisCommands
from events import ANA, BEN, FORMS, KINDS, Email, Event, lambda_sqs, raw
from harness import Site, eventually
from servers import free_port


def start(site: Site, *arguments: str, **environment: str) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-m", "email_activity.cli", "replay", *arguments],
        cwd=site.folder,
        env={**os.environ, **site.as_role("operator"), "PYTHONPATH": os.pathsep.join(sys.path), **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def run(site: Site, *arguments: str, code: int = 0, **environment: str) -> tuple[dict[str, Any], str]:
    """The summary, and what was said beside it."""
    process = start(site, "--json", *arguments, **environment)
    out, err = process.communicate(timeout=60)
    assert process.returncode == code, err
    return json.loads(out), err


def archive(site: Site, bodies: Sequence[str], name: str = "archive/events.jsonl") -> None:
    path = site.folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(body.strip() + "\n" for body in bodies))


def test_a_folder_of_all_forms_and_kinds_gives_the_table_that_a_worker_makes(site: Site) -> None:
    """Each file written down in another way. What a worker makes of them is shown in test_whole_path."""
    events: list[Event] = []
    for number, wrap in enumerate(FORMS.values()):
        email = Email(to=(ANA, BEN), document_id=f"2026-{number}")
        batch = [make(email) for make in KINDS.values()]
        events += batch
        bodies = [wrap(event).strip() for event in batch]
        ways = (
            "\n".join(bodies),
            "".join(bodies),
            "[" + ",".join(bodies) + "]",
            json.dumps([json.loads(body) for body in bodies], indent=2),
            "\n".join(lambda_sqs(body) for body in bodies),
        )
        packed = ways[number % len(ways)].encode()
        path = site.folder / "archive" / f"2026/11/{number:02}" / "part"
        path.parent.mkdir(parents=True)
        path.write_bytes(gzip.compress(packed) if number % 2 else packed)

    counted, _ = run(site, "archive")
    assert site.items() == facts_of(*events)
    assert (counted["documents"], counted["activity"], counted["files"]) == (len(events), len(events), len(FORMS))

    again, said = run(site, "archive")
    assert again["documents"] == 0
    assert "nothing left to do; --from-start does it again" in said


def test_killed_in_the_middle_and_run_again_the_table_is_exact(site: Site) -> None:
    """Also what is rejected stands in its file once."""
    events = [make(Email(document_id=str(number))) for number in range(40) for make in KINDS.values()]
    bodies = [raw(event) for event in events]
    archive(site, bodies[:150], "archive/a")
    archive(site, ["{", *bodies[150:], "["], "archive/b")
    checkpoint = site.folder / "checkpoint.json"
    arguments = ("--checkpoint", str(checkpoint), "archive")
    with start(site, "--rate", "120", *arguments) as process:
        eventually(lambda: checkpoint.exists() and json.loads(checkpoint.read_text())["files"])
        process.send_signal(signal.SIGKILL)
    before = len(site.items())
    assert 0 < before < len(facts_of(*events))
    counted, said = run(site, *arguments, code=1)
    assert "going on from" in said
    assert counted["documents"] < len(events)
    assert site.items() == facts_of(*events)
    assert len((site.folder / "archive.rejects.jsonl").read_text().splitlines()) == 1  # `[` alone is an empty array


def test_interrupted_it_says_how_to_go_on_and_goes_on_from_there(site: Site) -> None:
    events = [make(Email(document_id=str(number))) for number in range(40) for make in KINDS.values()]
    archive(site, [raw(event) for event in events])
    with start(site, "--json", "--rate", "100", "archive") as process:
        eventually(site.items)
        process.send_signal(signal.SIGINT)
        out, said = process.communicate(timeout=30)
    assert process.returncode == 130
    assert "The same command goes on" in said
    assert "Traceback" not in said
    first = json.loads(out)["documents"]
    second = run(site, "archive")[0]["documents"]
    assert 0 < second < len(events)
    assert first + second == len(events)
    assert site.items() == facts_of(*events)


def test_a_claim_that_says_done_does_not_hide_an_event_that_the_table_lost(site: Site, commands: RedisCommands) -> None:
    email = Email()
    lost = facts_of(email.send())
    table = site.cloud.dynamodb.describe_table(TableName=site.made.table_name)["Table"]
    space = namespace(table["TableArn"], table["CreationDateTime"].isoformat())
    claims = Claims(commands, space, 5, 60)
    claims.commit(list(lost))
    archive(site, [raw(email.send()), raw(email.click())])
    run(site, "archive")
    assert site.items() == facts_of(email.send(), email.click())
    # And workers know now what is stored.
    assert set(claims.claim(list(site.items())).values()) == {Claim.DONE}


def test_without_redis_the_table_is_just_as_right(site: Site) -> None:
    events = [make(Email()) for make in KINDS.values()]
    archive(site, [raw(event) for event in events])
    counted, said = run(site, "archive", REDIS_URL=f"redis://127.0.0.1:{free_port()}/0")
    assert (counted["rejected"], said.count("Redis does not answer")) == (0, 1)
    assert site.items() == facts_of(*events)


def test_standard_input_is_recorded_and_a_stop_does_not_wait_for_it(site: Site) -> None:
    events = [make(Email()) for make in KINDS.values()]
    given, giving = os.pipe()
    process = subprocess.Popen(
        [sys.executable, "-m", "email_activity.cli", "replay", "-"],
        cwd=site.folder,
        env={**os.environ, **site.as_role("operator"), "PYTHONPATH": os.pathsep.join(sys.path)},
        stdin=given,
        stderr=subprocess.PIPE,
        text=True,
    )
    with process:
        for event in events * 30:
            os.write(giving, raw(event).encode())
        eventually(lambda: site.items() == facts_of(*events))
        process.send_signal(signal.SIGTERM)
        assert "cannot be resumed" in process.communicate(timeout=30)[1]
    assert process.returncode == 130
    assert not list(site.folder.glob("*.replay-*"))
    os.close(giving)
    os.close(given)
