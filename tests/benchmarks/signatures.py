"""What SNS_SIGNATURES=enforce costs: the worker in a plain loop (`bare`), with it and without, in turn.

    make bench-signatures
    make bench-signatures ARGS="--rounds 12"

Every message has to be checked: it is in an envelope, signed with a key of 2,048 bits as SNS's are; each process
fetches the certificate. A ratio is taken within each round; CPU an event says the same with less noise.
"""

import argparse
import json
import statistics
import tempfile
from dataclasses import replace
from pathlib import Path

from benchmarks.contestants import Contestant, bare, default_threads
from benchmarks.ground import Ground
from benchmarks.load import Load, load_of
from benchmarks.measure import Drain, drain
from benchmarks.report import DELAY_MS
from benchmarks.say import hush, load_average, say
from certificateserver import TOPIC, CertificateServer, Signer
from events import sns_envelope

ROUNDS = 7

#: Several times what all threads have in hand.
EVENTS = 10_000


def signed(load: Load, signer: Signer) -> Load:
    """The same events, each in an envelope of the topic's."""
    bodies = []
    for body in load.bodies:
        known = json.loads(body)
        given = known if "TopicArn" in known else sns_envelope(known)
        bodies.append(json.dumps(signer.signed({**given, "TopicArn": TOPIC})))
    return Load(bodies, load.events)


def measure(rounds: int, events: int) -> tuple[list[Drain], list[Drain]]:
    """With and without, round by round."""
    signer = Signer()
    with (
        Ground.make(DELAY_MS) as ground,
        tempfile.TemporaryDirectory(prefix="bench-") as folder,
        CertificateServer(Path(folder), lambda _: (200, signer.certificate)) as server,
    ):
        checked = {"SNS_SIGNATURES": "enforce", "TRUSTED_SNS_TOPICS": TOPIC, **server.environment}
        load, plain = signed(load_of(events), signer), bare(default_threads())
        pair: dict[bool, Contestant] = {
            True: replace(plain, settings=(*plain.settings, *checked.items())),
            False: plain,
        }
        found: dict[bool, list[Drain]] = {True: [], False: []}
        for number in range(rounds):
            for is_checked in (number % 2 == 0, number % 2 == 1):
                took = drain(ground, pair[is_checked], load, DELAY_MS)
                name = "enforce" if is_checked else "off"
                say(f"  {name}: {took.events_per_second:,.0f} events/s, {took.cpu_us:.0f} us of CPU each")
                found[is_checked].append(took)
        assert len(server.asked) >= rounds, "no certificate was fetched, so nothing was checked"
    return found[True], found[False]


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="signatures", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument("--events", type=int, default=EVENTS, help="of a drain; a multiple of 2,500")
    arguments = parser.parse_args()
    hush()
    load_average()
    checked, plain = measure(arguments.rounds, arguments.events)
    print(f"\nenforce / off, {arguments.rounds} rounds of {arguments.events:,} events, {DELAY_MS} ms a call:")
    for what, name in (("events/s", "events_per_second"), ("at equal pace", "events_at_equal_pace"), ("CPU", "cpu_us")):
        ratios = sorted(getattr(one, name) / getattr(other, name) for one, other in zip(checked, plain, strict=True))
        print(f"{what:<16}{statistics.median(ratios):.3f} ({ratios[0]:.2f} - {ratios[-1]:.2f})")
    for what, drains in (("enforce", checked), ("off", plain)):
        print(f"{what:<10}{statistics.median(each.events_per_second for each in drains):,.0f} events/s, ", end="")
        print(f"{statistics.median(each.cpu_us for each in drains):.0f} us of CPU an event")


if __name__ == "__main__":
    main()
