"""Archives to a real queue, by the real program, and from there into the table by real workers."""

import gzip
import json
import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from click.testing import CliRunner
from test_whole_path import facts_of

from chaos.held import claims_on
from email_activity.aws.clients import s3_client
from email_activity.cli.main import main
from email_activity.ingest.model import REPLAY_ATTRIBUTES
from email_activity.redis_client.commands import RedisCommands
from events import ANA, BEN, FORMS, KINDS, Email, Event, lambda_sqs, raw, sns
from harness import Site, eventually

FEW = 5


def start(site: Site, *arguments: str, stdin: int | None = None) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-m", "email_activity.cli", "replay", *arguments],
        cwd=site.folder,
        env={**os.environ, **site.as_role("operator"), "PYTHONPATH": os.pathsep.join(sys.path)},
        stdin=stdin,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def run(site: Site, *arguments: str, code: int = 0) -> tuple[dict[str, Any], str]:
    """The summary, and what was said beside it."""
    process = start(site, "--json", *arguments)
    out, err = process.communicate(timeout=60)
    assert process.returncode == code, err
    return json.loads(out), err


def waiting(site: Site) -> int:
    """Also a few messages that came when the site was made, fewer than FEW."""
    return site.waiting()[0]


def assert_recorded(site: Site, *events: Event) -> None:
    """By a worker, which then has nothing left, and nothing in the dead-letter queue."""
    with site.worker():
        site.drained()
    assert site.items() == facts_of(*events)
    assert site.dead_letters() == []


def archive(site: Site, bodies: Sequence[str], name: str = "archive/events.jsonl") -> None:
    path = site.folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(body.strip() + "\n" for body in bodies))


def every_kind(count: int) -> list[Event]:
    return [make(Email(document_id=str(number))) for number in range(count) for make in KINDS.values()]


def test_a_folder_of_all_forms_and_kinds_gives_the_table_of_live_events(site: Site) -> None:
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
    assert (counted["documents"], counted["sent"], counted["files"]) == (len(events), len(events), len(FORMS))
    again, said = run(site, "archive")
    assert again["documents"] == 0
    assert "nothing left to do; --from-start does it again" in said
    assert_recorded(site, *events)


def kill_and_go_on(site: Site, checkpoint: Path, arguments: tuple[str, ...], events: int) -> None:
    """events: in the archive. A replay is killed in its middle, and the next one sends what is left."""
    with start(site, "--rate", "80", *arguments) as process:
        eventually(lambda: checkpoint.exists() and json.loads(checkpoint.read_text())["files"])
        process.send_signal(signal.SIGKILL)
    assert FEW < waiting(site) < events
    counted, said = run(site, *arguments, code=1)
    assert "going on from" in said
    assert counted["documents"] < events


def test_killed_in_the_middle_and_run_again_the_table_is_exact(site: Site) -> None:
    """Also what is rejected stands in its file once."""
    events = every_kind(40)
    bodies = [raw(event) for event in events]
    archive(site, bodies[:150], "archive/a")
    archive(site, ["{", *bodies[150:], "["], "archive/b")
    checkpoint = site.folder / "checkpoint.json"
    arguments = ("--checkpoint", str(checkpoint), "archive")
    kill_and_go_on(site, checkpoint, arguments, len(events))
    assert len((site.folder / "archive.rejects.jsonl").read_text().splitlines()) == 1  # `[` alone is an empty array
    assert_recorded(site, *events)


def test_an_archive_in_s3_killed_in_the_middle_is_sent_to_its_end(site: Site) -> None:
    """As Firehose writes it: gzip, one document a line or directly after another."""
    events = every_kind(25)
    bodies = [sns(event).strip() for event in events]
    bucket = site.made.configuration_set
    s3 = s3_client(site.settings)
    s3.create_bucket(Bucket=bucket)
    objects = {
        "2026/11/25/23/a": gzip.compress("\n".join(bodies[:150]).encode()),
        "2026/11/26/00/b": gzip.compress("".join([*bodies[150:200], "{"]).encode()),
        "2026/11/26/01/c": "\n".join(bodies[200:]).encode(),
        "2026/11/26/02/": b"",
        "2027/not asked for": b"{}",
    }
    for key, content in objects.items():
        s3.put_object(Bucket=bucket, Key=f"{bucket}/{key}", Body=content)
    url, checkpoint = f"s3://{bucket}/{bucket}/2026/", site.folder / "checkpoint.json"
    looked, said = run(site, "--dry-run", url, code=1)
    assert (looked["documents"], looked["activity"], looked["files"]) == (len(events) + 1, len(events), 3)
    assert f"s3://{bucket}/{bucket}/2026/11/26/00/b at byte" in said
    arguments = ("--checkpoint", str(checkpoint), url)
    kill_and_go_on(site, checkpoint, arguments, len(events))
    assert len((site.folder / "2026.rejects.jsonl").read_text().splitlines()) == 1
    nothing, said = run(site, *arguments, code=1)
    assert (nothing["documents"], "nothing left to do" in said) == (0, True)
    assert_recorded(site, *events)


def test_interrupted_it_says_how_to_go_on_and_goes_on_from_there(site: Site) -> None:
    events = every_kind(40)
    archive(site, [raw(event) for event in events])
    with start(site, "--json", "--rate", "100", "archive") as process:
        eventually(lambda: waiting(site) > FEW)
        process.send_signal(signal.SIGINT)
        out, said = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "The same command goes on" in said
    assert "Traceback" not in said
    first = json.loads(out)["sent"]
    second = run(site, "archive")[0]["sent"]
    assert 0 < second < len(events)
    assert first + second == len(events)
    assert_recorded(site, *events)


def test_a_claim_that_says_done_hides_no_replayed_event(site: Site, commands: RedisCommands) -> None:
    """The table lost both: one comes from the archive, the other through quarantine and a redrive."""
    archived, quarantined = Email().send(), Email().send()
    claims_on(site, commands, 5).commit(list(facts_of(archived, quarantined)))
    archive(site, [raw(archived)])
    run(site, "archive")
    url = site.made.dead_letter_queue_url
    site.cloud.sqs.send_message(QueueUrl=url, MessageBody=raw(quarantined), MessageAttributes=REPLAY_ATTRIBUTES)
    assert CliRunner().invoke(main, ["dlq", "redrive"], env=site.as_role("operator")).exit_code == 0
    assert_recorded(site, archived, quarantined)


def test_standard_input_is_sent_and_a_stop_does_not_wait_for_it(site: Site) -> None:
    events = every_kind(1)
    given, giving = os.pipe()
    with start(site, "-", stdin=given) as process:
        for event in events * 30:
            os.write(giving, raw(event).encode())
        eventually(lambda: waiting(site) >= len(events) * 20)  # the last ones wait for a full batch
        process.send_signal(signal.SIGTERM)
        assert "cannot be resumed" in process.communicate(timeout=60)[1]
    assert process.returncode == 143
    assert not list(site.folder.glob("*.replay-*"))
    os.close(giving)
    os.close(given)
    assert_recorded(site, *events)
