"""How a soak goes: warm up, look at what idle processes hold, work for long, look again, compare."""

import random
import sys
import time
from collections import Counter

from botocore.exceptions import BotoCoreError

from email_activity.provision.deployment import Deployment
from soak.faults import in_turn
from soak.outcome import Outcome
from soak.rig import Rig
from soak.samples import EVERY, Held, Sampler
from soak.stream import Stream
from soak.ticker import Ticker

#: Seconds that processes may take to reach their size: a quarter of the run, and no less than this.
WARM_UP = 60

#: Seconds between the beginnings of two faults, and for which one is in force.
PAUSE = (10, 20)
IN_FORCE = (2, 6)

#: Seconds. A message that has met many faults waits for minutes until it is received again.
DRAINED_WITHIN = 600

#: Seconds of looking at idle processes: two polls of 3 s and a bit, since their threads come and go with each.
IDLE = 8

#: Seconds between two lines that tell how it goes.
TELL_EVERY = 10


class Soak:
    def __init__(self, on: Rig, minutes: float, rate: float, seed: int, slope_limit: float) -> None:
        self.on = on
        self.seconds = minutes * 60
        self.warm_up = max(WARM_UP, self.seconds / 4)
        self.seed = seed
        self.slope_limit = slope_limit
        self.stream = Stream(on.site, rate, seed)
        names = {child: f"child {number}" for number, child in enumerate(on.steady.children(), 1)}
        self.sampler = Sampler({on.steady.process.pid: "main", **names})
        self.faults: Counter[str] = Counter()
        self.in_force = ""
        self._chance = random.Random(f"{self.seed} faults")
        self._ways = in_turn(self._chance)

    def run(self) -> Outcome:
        with Ticker(EVERY, self.sampler.tick), Ticker(TELL_EVERY, self.tell):
            self.work(self.warm_up)
            idle_before = self.idle()
            since = self.sampler.now
            self.work(self.seconds - self.warm_up)
            until = self.sampler.now
            idle_after = self.idle()
        receives = self.on.proxy.receives
        return Outcome(
            minutes=self.seconds / 60,
            seed=self.seed,
            sent=self.stream.sent,
            facts=len(self.stream.facts),
            dead_letters=len(self.stream.dead),
            faults=self.faults,
            fitted=(until - since) / 60,
            slopes=self.sampler.slopes(since, until),
            slope_limit=self.slope_limit,
            idle_before=idle_before,
            idle_after=idle_after,
            max_receives=max(receives.values(), default=0),
            receives_limit=Deployment().max_receive_count,
            violations=list(self.on.proxy.violations),
            wrong=self.stream.differences(),
            complaints=self.on.complaints,
        )

    def work(self, seconds: float) -> None:
        """Load and faults for so long; what is in force at the end is undone."""
        end = time.monotonic() + seconds
        with Ticker(0.5, self.stream.tick) as sending:
            while True:
                pause = self._chance.uniform(*PAUSE)
                length = self._chance.uniform(*IN_FORCE)
                if time.monotonic() + pause > end:
                    break
                time.sleep(pause - length)
                sending.check()
                name, way = next(self._ways)
                self.faults[name] += 1
                self.in_force = name
                with way(self.on):
                    time.sleep(length)
                self.in_force = ""
            time.sleep(max(0, end - time.monotonic()))

    def idle(self) -> dict[str, Held]:
        """What the processes hold when there is nothing to do. A queue that is not empty by then is told at the end."""
        self.in_force = "draining"
        try:
            self.on.site.drained(DRAINED_WITHIN)
        except AssertionError:
            self.on.complaints.append(f"the queue is not empty after {DRAINED_WITHIN} s: {self.on.site.waiting()}")
        self.in_force = "idle"
        since = self.sampler.now
        time.sleep(IDLE)
        self.in_force = ""
        return self.sampler.held(since)

    def tell(self, _elapsed: float) -> None:
        now = self.sampler.now
        try:
            table = self.on.site.cloud.dynamodb.describe_table(TableName=self.on.site.made.table_name)["Table"]
        except BotoCoreError:
            return  # a line less is no reason to end
        megabytes = [f"{found[-1].megabytes:.1f}" for each in self.sampler.names if (found := self.sampler.of(each))]
        say(
            f"{now // 60:3.0f}:{now % 60:02.0f}  sent {self.stream.sent}  "
            f"facts {table['ItemCount']} of {len(self.stream.facts)}  "
            f"MB {' '.join(megabytes)}  {self.in_force}"
        )


def say(line: str) -> None:
    sys.stderr.write(line.rstrip() + "\n")
    sys.stderr.flush()
