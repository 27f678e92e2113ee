"""The target: any bytes as the body of a message, through the whole core. Started by run.py, with libFuzzer's flags.

https://github.com/google/atheris
"""

import random
import sys
from pathlib import Path

import atheris

TESTS = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(TESTS.parent), str(TESTS)]

with atheris.instrument_imports(include=["worker", "email", "idna"]):
    from fuzz.invariants import check
    from fuzz.mutate import mutated

#: Bytes; what a million of them do is for tests/chaos/test_poison.py.
MOST_BYTES = 20_000


def one_input(data: bytes) -> None:
    check(data.decode("utf-8", "replace"))


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
