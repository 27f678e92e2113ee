"""A person is forgotten: on a real table, while workers run, and whenever the command is killed."""

import json
import subprocess
import sys
from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any

from click.testing import CliRunner

from email_activity.activity.query import ActivityTable
from email_activity.cli.main import main
from email_activity.ingest.store import Store
from events import ANA, BEN, Email, Event, raw
from harness import CHAOS, Site, eventually
from integration.test_whole_path import facts_of
from reading import items_of

KEY = "a key of thirty-two characters or more"
SENT = datetime.now(UTC) - timedelta(hours=1)

#: Of Ana alone, of Ana and Ben, and of Ben, in whose mail a server names her, and whose forward to her bounced.
ALONE = Email(to=(ANA,), sent_at=SENT, subject="Ana's invoice")
BOTH = Email(to=(ANA, BEN), sent_at=SENT)
BENS = Email(to=(BEN,), sent_at=SENT)
STORY: tuple[Event, ...] = (
    *(ALONE.send(), ALONE.delivery(), ALONE.open(), ALONE.bounce(), ALONE.complaint()),
    *(BOTH.send(), BOTH.delivery([ANA]), BOTH.delivery([BEN]), BOTH.open(), BOTH.click()),
    *(BENS.send(), BENS.delivery([BEN]) | {"new": f"handed on to Ana <{ANA.upper()}>"}, BENS.bounce(recipients=[ANA])),
)


def forget(site: Site, *arguments: str, address: str = ANA.upper()) -> Any:
    environment = {**site.as_role("eraser"), "FORGET_KEY": KEY}
    result = CliRunner().invoke(main, ["forget", address, "--json", *arguments], env=environment)
    assert result.exit_code == 0, result.output
    assert "ana@" not in result.output.lower()
    return json.loads(result.stdout)


def texts_of(site: Site) -> str:
    """All that the table holds, tombstones and workers too."""
    pages = site.cloud.dynamodb.get_paginator("scan").paginate(TableName=site.made.table_name)
    return json.dumps([page["Items"] for page in pages], default=str).lower()


def test_who_is_forgotten_while_workers_run_does_not_come_back(site: Site) -> None:
    with site.worker(FORGET_KEY=KEY, DEDUPE_WINDOW_SECONDS="60") as worker:
        site.send([raw(event) for event in STORY])
        eventually(lambda: site.items().keys() >= facts_of(*STORY).keys())
        assert ANA in texts_of(site)
        would = forget(site, "--dry-run")
        assert ANA in texts_of(site)
        certificate = forget(site, "--yes")
        left = site.items()
        assert ANA not in texts_of(site)
        assert (certificate["workers"], certificate["is_scanned"], certificate["runs"]) == (2, True, 1)
        assert {name: certificate["counts"][name] for name in would if name != "items_scanned"} == {
            name: count for name, count in would.items() if name != "items_scanned"
        }
        # All of it again, as a replay sends it, and what comes late.
        late = [ALONE.click(), BOTH.open(at=SENT + timedelta(minutes=17)), BENS.open()]
        anew = Email(to=(ANA,), sent_at=datetime.now(UTC) + timedelta(seconds=1))
        entries = [
            {
                "Id": str(number),
                "MessageBody": raw(event),
                "MessageAttributes": {"replay": {"DataType": "String", "StringValue": "1"}},
            }
            for number, event in enumerate((*STORY, *late))
        ]
        for start in range(0, len(entries), 10):
            site.cloud.sqs.send_message_batch(QueueUrl=site.made.queue_url, Entries=entries[start : start + 10])
        eventually(lambda: site.waiting() == (0, 0))
        assert ANA not in texts_of(site)
        came = {key: item for key, item in site.items().items() if key not in left}
        assert sorted(item["kind"] for item in came.values()) == ["Open", "Open"]
        assert {key: item for key, item in site.items().items() if key in left} == left
        site.send([raw(anew.send())])
        eventually(lambda: site.items().keys() >= facts_of(anew.send()).keys())
        eventually(lambda: worker.said('"forgotten"') and worker.said('"redacted"'))
        worker.stop()
    status = site.status(BOTH.message_id)
    assert ([each.recipient for each in status.recipients], status.destination_count) == ([BEN], 2)
    assert status.shared  # whose open it was nobody can tell, now as before


def of_ben(site: Site) -> Counter[Any]:
    """What must be there at every moment: of each of Ben's events, and of each that names nobody, one item or both."""
    table = ActivityTable(site.cloud.dynamodb, site.made.table_name)
    facts = [fact for email in (BOTH, BENS) for fact in table.facts(email.message_id)]
    told = {
        (type(fact).__name__, getattr(fact, "kind", ""), str(getattr(fact, "occurred_at", "")))
        for fact in facts
        if getattr(fact, "recipient", None) != ANA and type(fact).__name__ != "Extra"
    }
    return Counter(name for name, *_ in told)


def test_a_kill_after_any_write_leaves_what_the_next_run_ends(site: Site) -> None:
    further = [Email(to=(ANA, BEN), sent_at=SENT) for _ in range(3)]
    events = [*STORY, *(event for email in further for event in (email.send(), email.open(), email.bounce()))]
    items = items_of(map(raw, events))
    assert not Store(site.cloud.dynamodb, site.made.table_name).put(list(items.values())).unprocessed
    before = of_ben(site)
    command = [sys.executable, "-m", "erasekiller", "forget", ANA, "--yes", "--json"]
    environment = {
        **CHAOS,
        **site.environment,
        "AWS_ACCESS_KEY_ID": "eraser",
        "AWS_SECRET_ACCESS_KEY": "test",
        "FORGET_KEY": KEY,
    }
    kills, lines = [], []
    with subprocess.Popen(
        command, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdin
        assert process.stdout
        for line in process.stdout:
            said = json.loads(line)
            lines.append(line)
            if "killed_after" not in said:
                continue
            kills.append(said)
            assert of_ben(site) == before
            process.stdin.write("\n")
            process.stdin.flush()
    assert process.returncode == 0
    assert len(kills) >= 8
    # One that was killed after its very last write has given its certificate, and the next run begins anew.
    assert max(json.loads(line).get("runs", 0) for line in lines) >= 8
    assert ANA not in "".join(lines).lower() + texts_of(site)
    assert {key[0] for key in site.items()} == {f"EMAIL#{email.message_id}" for email in (BOTH, BENS, *further)}
