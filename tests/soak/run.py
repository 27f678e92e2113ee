"""`make soak`: real workers under a steady load and every fault there is, for as long as wanted.

Watches the memory, file descriptors and threads of a worker that lives throughout, and compares the table and the
dead letters with what was sent.
"""

import argparse
import random
import signal
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "localstack"), str(ROOT / "tests")]

from soak.course import Soak, say  # noqa: E402  the path is set above
from soak.rig import rig  # noqa: E402

#: A shorter run has too few samples for a slope.
LEAST_MINUTES = 2

EXAMPLES = """examples:
  make soak MINUTES=10
  python tests/soak/run.py 5 --seed 7 --keep /tmp/s   the same faults again; logs and samples.csv stay there
"""


def main() -> int:
    arguments = parser().parse_args()
    if arguments.minutes < LEAST_MINUTES:
        parser().error(f"minutes: want {LEAST_MINUTES} or more, the first of which is the warm-up")
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, end)
    with ExitStack() as stack:
        folder = arguments.keep or Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="soak-")))
        folder = folder.resolve()
        folder.mkdir(parents=True, exist_ok=True)
        say(f"seed {arguments.seed}; starting LocalStack, two Redis servers and two workers")
        on = stack.enter_context(rig(folder, arguments.seed))
        soak = Soak(on, arguments.minutes, arguments.rate, arguments.seed, arguments.slope)
        outcome = soak.run()
        if arguments.keep:
            soak.sampler.write(folder / "samples.csv")
        sys.stdout.write(outcome.as_text() + "\n")
        return 1 if outcome.failures else 0


def end(number: int, _frame: object) -> None:
    """Once: a second Ctrl-C must not leave behind what the first has begun to take away."""
    for each in (signal.SIGINT, signal.SIGTERM):
        signal.signal(each, signal.SIG_IGN)
    sys.exit(128 + number)


def parser() -> argparse.ArgumentParser:
    found = argparse.ArgumentParser(
        prog="run.py", description=__doc__, epilog=EXAMPLES, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    found.add_argument("minutes", type=float, nargs="?", default=10, help="of load and faults (default: 10)")
    found.add_argument("--rate", type=float, default=30, help="messages a second (default: 30)")
    found.add_argument("--slope", type=float, default=1, help="MB a minute that a process may grow by (default: 1)")
    found.add_argument("--seed", type=int, default=random.randrange(10_000), help="of load and faults (default: any)")
    found.add_argument("--keep", metavar="FOLDER", type=Path, help="for the workers' logs and the samples")
    return found


if __name__ == "__main__":
    sys.exit(main())
