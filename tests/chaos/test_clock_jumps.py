"""A worker whose wall clock jumps by hours in the middle of its work: nothing is lost, and nothing expires by it.

There is no other clock to be had for a process here, so shifted_clock.py gives the worker's Python one. What it cannot
show: a jump as the kernel, Redis or AWS see it. (AWS refuses requests signed more than minutes off its own time, which
is an outage like others to the worker.)
"""

import os
import subprocess
import sys
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from chaos.load import Load, assert_exact, watched_worker
from events import Email, minutes_ago, raw
from harness import CHAOS, Site, eventually
from integration.test_whole_path import facts_of

#: Seconds.
HOUR = 3600

#: Hours that the clock is off, one after another. The last two are longer than the retention.
YEAR = 366 * 24
JUMPS = (3, -3, YEAR, -YEAR)

#: In `make test`.
SHORT_JUMPS = (3, -YEAR)


@dataclass(frozen=True, slots=True)
class Clock:
    file: Path

    def jump(self, hours: float) -> None:
        """In one step, for the worker may look at any time."""
        draft = self.file.with_suffix(".draft")
        draft.write_text(str(hours * HOUR))
        draft.rename(self.file)

    @property
    def environment(self) -> dict[str, str]:
        return {"CLOCK_FILE": str(self.file)}


def is_healthy(site: Site, clock: Clock) -> bool:
    """What the check of the container says, which reads the same clock."""
    command = "import shifted_clock; from email_activity.cli.main import main; main(['health', '--max-age', '30'])"
    environment = {**os.environ, **CHAOS, **site.environment, **clock.environment}
    return subprocess.run([sys.executable, "-c", command], env=environment, check=False).returncode == 0


def hours_off(site: Site, email: Email) -> int | None:
    """When the worker says that it recorded this email; None if it has not."""
    for entry in site.status(email.message_id).timeline:
        return round((entry.activity.recorded_at - datetime.now(UTC)).total_seconds() / HOUR)
    return None


def test_a_clock_that_jumps_loses_nothing_expires_nothing_and_stops_no_poll(
    site: Site, tmp_path: Path, rounds: int
) -> None:
    loads, witnesses = [Load.make(30 * rounds)], []
    clock = Clock(tmp_path / "clock")
    clock.jump(0)
    with watched_worker(site, app="shifted_clock", BATCH_SIZE="10", **clock.environment) as (proxy, worker):
        eventually(lambda: proxy.calls["ReceiveMessage"], within=60)
        for hours in JUMPS * rounds if rounds > 1 else SHORT_JUMPS:
            site.send(loads[-1].everything)
            done = proxy.calls["DeleteMessageBatch"]
            eventually(lambda done=done: proxy.calls["DeleteMessageBatch"] > done)
            clock.jump(hours)  # in the middle
            witness = Email()
            site.send([raw(witness.send())])
            eventually(lambda witness=witness: hours_off(site, witness) is not None, within=60)
            assert hours_off(site, witness) == hours  # the clock did jump
            witnesses.append(witness.send())
            eventually(lambda: is_healthy(site, clock), within=60)
            loads.append(Load.make(30 * rounds, seed=len(loads)))
        # Expired by SQS's clock; not by the worker's, which is a year behind.
        site.send([*loads[-1].everything, raw(Email(sent_at=minutes_ago(60 * YEAR)).send())])
        site.drained(within=120 * rounds)
        eventually(lambda: worker.said('"expired": 1'))  # a batch is logged once its messages are gone
        assert not worker.said('"level": "error"')
    witnessed = Load([], [], facts_of(*witnesses), {})
    assert_exact(site, *loads, witnessed)
