"""`email-activity dlq` on a real queue: what a real worker quarantined, looked at, sent back and thrown away."""

import json
import os
import signal
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from email_activity.cli.main import main
from email_activity.dead_letters import queue_scan
from events import ANA, Email, raw, sns
from harness import Site, eventually


@pytest.fixture(autouse=True)
def _short_polls(monkeypatch: pytest.MonkeyPatch) -> None:
    """LocalStack has one server, which answers at once."""
    monkeypatch.setattr(queue_scan, "WAIT_SECONDS", 0)


def run(site: Site, *arguments: str, **environment: str) -> Result:
    return CliRunner().invoke(main, ["dlq", *arguments], env={**site.as_role("operator"), **environment})


def lines(result: Result) -> list[dict[str, Any]]:
    assert result.exit_code == 0, result.output
    return [json.loads(line) for line in result.stdout.splitlines()]


def in_queue(site: Site, url: str) -> tuple[int, int]:
    """Messages visible, and messages in flight."""
    names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
    said = site.cloud.sqs.get_queue_attributes(QueueUrl=url, AttributeNames=names)["Attributes"]  # type: ignore[arg-type]
    return int(said[names[0]]), int(said[names[1]])


def dead(site: Site) -> tuple[int, int]:
    return in_queue(site, site.made.dead_letter_queue_url)


@pytest.fixture
def quiet(site: Site) -> Site:
    """Without the text that SES sends when an event destination is made."""
    eventually(lambda: received(site))
    return site


def received(site: Site) -> list[str]:
    """The bodies in the events queue; they are taken out of it."""
    bodies: list[str] = []
    url = site.made.queue_url
    ask = {"QueueUrl": url, "MaxNumberOfMessages": 10, "WaitTimeSeconds": 0}
    while messages := site.cloud.sqs.receive_message(**ask).get("Messages"):  # type: ignore[arg-type]
        bodies += [each["Body"] for each in messages]
        entries = [{"Id": str(place), "ReceiptHandle": each["ReceiptHandle"]} for place, each in enumerate(messages)]
        site.cloud.sqs.delete_message_batch(QueueUrl=url, Entries=entries)  # type: ignore[arg-type]
    return bodies


def put(site: Site, bodies: list[str]) -> None:
    """Into the dead-letter queue, as SNS does with what it cannot deliver."""
    for number in range(0, len(bodies), 10):
        entries = [{"Id": str(place), "MessageBody": body} for place, body in enumerate(bodies[number : number + 10])]
        site.cloud.sqs.send_message_batch(QueueUrl=site.made.dead_letter_queue_url, Entries=entries)


def copy_all(site: Site) -> None:
    """As a worker leaves a message that was killed between its copy and its deletion."""
    url = site.made.dead_letter_queue_url
    found = site.cloud.sqs.receive_message(
        QueueUrl=url, MaxNumberOfMessages=10, VisibilityTimeout=0, MessageAttributeNames=["All"]
    )
    for each in found["Messages"]:
        site.cloud.sqs.send_message(QueueUrl=url, MessageBody=each["Body"], MessageAttributes=each["MessageAttributes"])


def test_what_a_worker_quarantined_is_shown_once_and_redriven_once_mended(site: Site) -> None:
    """A subject of 420 KB makes an item that DynamoDB refuses, unless subjects are not stored: nor is then what else
    the operator keeps out of the table.
    """
    email = Email(subject="secretsubject" + "x" * 420_000)
    with site.worker() as worker:
        site.send([sns(email.send())])
        site.drained()
        worker.stop()  # a long poll of one that is killed would take what is redriven next
    copy_all(site)
    assert dead(site) == (2, 0)

    (line,) = lines(run(site, "list", "--json"))
    assert (line["reason"], line["copies"], line["kinds"]) == ("refused_by_table", 2, ["Send"])
    assert line["documents"] == [{"type": "invoice", "id": "2026-117"}]
    shown = run(site, "show", line["id"])
    assert '"eventType": "Send"' in shown.stdout
    assert "secretsubject" not in shown.output
    assert ANA not in shown.output
    assert "secretsubject" in run(site, "show", line["id"], "--reveal").stdout
    assert dead(site) == (2, 0)

    with site.worker(STORE_SUBJECT="false", STORE_FULL_IP="false", STORE_LINK_QUERY="false"):
        site.send([sns(email.click("https://pay.example/?secretquery"))])
        redriven = lines(run(site, "redrive", "--json", "--reason", "refused_by_table"))
        assert sorted(each["result"] for each in redriven) == ["copy_deleted", "redriven"]
        eventually(lambda: len(site.status(email.message_id).timeline) == 2)
        site.drained()
    stored = str(site.items())
    assert "198.51.100.0/24" in stored
    assert [secret in stored for secret in ("secretsubject", "198.51.100.7", "secretquery")] == [False] * 3
    assert dead(site) == (0, 0)


def test_what_fails_again_while_it_is_redriven_comes_back_and_the_run_ends(site: Site) -> None:
    unreadable = [f"no event at all: {number}" for number in range(30)]
    put(site, unreadable)
    with site.worker() as worker:
        eventually(lambda: worker.said('"email_activity.poll"') or worker.said("ready"))
        redriven = lines(run(site, "redrive", "--json"))
        site.drained()
        eventually(lambda: dead(site) == (30, 0))
    assert [each["reason"] for each in redriven] == ["undelivered"] * 30
    assert sorted(site.dead_letters()) == sorted((body, "not_json") for body in unreadable)


def test_a_redrive_that_is_interrupted_and_run_again_sends_each_once(quiet: Site) -> None:
    """The real program, in a process of its own."""
    site = quiet
    bodies = sorted(raw(Email(document_id=str(number)).send()) for number in range(300))
    put(site, bodies)
    command = [sys.executable, "-u", "-m", "email_activity.cli", "dlq", "redrive", "--json"]
    environment = {**os.environ, **site.as_role("operator")}
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as first:
        assert first.stdout
        for _ in range(30):
            assert json.loads(first.stdout.readline())["result"] == "redriven"
        first.send_signal(signal.SIGINT)
        rest, said = first.communicate(timeout=60)
    done = 30 + len(rest.splitlines())
    assert (first.returncode, done < 300) == (130, True)
    assert f"redriven {done} messages" in said
    assert (in_queue(site, site.made.queue_url), dead(site)) == ((done, 0), (300 - done, 0))

    again = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    assert len(again.stdout.splitlines()) == 300 - done
    assert (in_queue(site, site.made.queue_url), dead(site)) == ((300, 0), (0, 0))
    assert sorted(received(site)) == bodies


def test_filters_a_message_that_is_too_large_and_a_discard_that_parse_reads(quiet: Site, tmp_path: Path) -> None:
    site = quiet
    click, contract = Email(document_id="1").click(), Email(document_type="contract", document_id="2").bounce()
    received_too_often(site, sns(click))
    too_large = "x" * 1_040_000
    put(site, [raw(contract), "{"])
    put(site, [too_large])

    (line,) = lines(run(site, "list", "--json", "--reason", "received_too_often"))
    assert (line["kinds"], line["would_now_be"]) == (["Click"], "activity")
    assert len(lines(run(site, "list", "--json", "--reason", "undelivered"))) == 3
    (line,) = lines(run(site, "list", "--json", "--document", "contract", "2", "--kind", "bounce"))
    assert line["would_now_be"] == "untracked"
    assert run(site, "list", "--older-than", "1h").exit_code == 1
    assert dead(site) == (4, 0)

    redriven = run(site, "redrive", "--limit", "4")
    assert redriven.exit_code == 1
    assert "1,040,000 bytes, and the events queue takes 1,032,192" in redriven.stderr
    assert (in_queue(site, site.made.queue_url)[0], dead(site)) == (3, (1, 0))

    put(site, [raw(contract), sns(click)])
    file = tmp_path / "discarded.jsonl"
    assert run(site, "discard", "--yes", "--to", str(file)).exit_code == 0
    assert dead(site) == (0, 0)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    with file.open() as text:
        parsed = CliRunner().invoke(main, ["parse", "--json", "--track", "*"], input=text)
    found = sorted((json.loads(line)["outcome"], json.loads(line)["kind"] or "") for line in parsed.stdout.splitlines())
    assert found == [("activity", "Bounce"), ("activity", "Click"), ("quarantine", "")]


def received_too_often(site: Site, body: str) -> None:
    """Given back at each receive, until SQS moves it."""
    site.send([body])
    ask = {"QueueUrl": site.made.queue_url, "VisibilityTimeout": 0, "WaitTimeSeconds": 0}
    eventually(lambda: site.cloud.sqs.receive_message(**ask) and dead(site)[0] == 1, every=0.01)  # type: ignore[arg-type]
