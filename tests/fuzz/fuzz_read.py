"""The target: any bytes as the body of a message, through the whole core. Started by run.py, with libFuzzer's flags.

A find is what breaks an invariant, and what costs too much time.

https://github.com/google/atheris
"""

import random
import subprocess
import sys
from pathlib import Path

import atheris

TESTS = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(TESTS))

with atheris.instrument_imports(include=["email_activity", "idna"]):
    from fuzz.cost import limit, seconds
    from fuzz.invariants import check
    from fuzz.mutate import mutated

#: Bytes; what a million of them do is for tests/chaos/test_poison.py.
MOST_BYTES = 20_000


COST = Path(__file__).resolve().parent / "cost.py"


class TooSlowError(Exception):
    """A message costs more CPU time than its size allows."""


def one_input(data: bytes) -> None:
    body = data.decode("utf-8", "replace")
    check(body)
    if seconds(body, times=1) > limit(body):
        confirm(data, body)


def confirm(data: bytes, body: str) -> None:
    """In a process of its own: what is instrumented here takes a few times as long."""
    answer = subprocess.run([sys.executable, COST], input=data, capture_output=True, check=True)
    if float(answer.stdout) > limit(body):
        raise TooSlowError(f"{float(answer.stdout):.3f} s for {len(data)} bytes")


def mutate(data: bytes, most: int, seed: int) -> bytes:
    """Mostly as a document; one time in eight as bytes, which is also how the first documents come about."""
    chance = random.Random(seed)
    if chance.random() < 1 / 8:
        return atheris.Mutate(data, most)
    try:
        return mutated(data.decode(), chance).encode()[:most]
    except (ValueError, RecursionError):
        return atheris.Mutate(data, most)


if __name__ == "__main__":
    atheris.Setup([*sys.argv, f"-max_len={MOST_BYTES}"], one_input, custom_mutator=mutate)
    atheris.Fuzz()
