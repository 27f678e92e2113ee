"""What the benchmark of Redis's memory found, as tables."""

from collections.abc import Sequence
from dataclasses import dataclass

#: Rates for which the window is told.
EMAILS_A_MONTH = (1_000_000, 100_000_000, 1_000_000_000)
HOURS_OF_A_MONTH = 30 * 24
GB = 10**9


@dataclass(frozen=True, slots=True)
class Figure:
    """Bytes for each identity: of used_memory, and of what the process holds. one: bytes of one key by MEMORY USAGE.

    any_two: the odds that any two of a billion are taken for one.
    """

    name: str
    identities: int
    used: float
    resident: float
    one: int
    stored_as: str
    claim: str
    any_two: float


def hours(bytes_each: float, of_an_email: float, emails_a_month: int) -> float:
    """Of window that a gigabyte holds."""
    return GB / bytes_each / (emails_a_month * of_an_email / HOURS_OF_A_MONTH)


def as_text(figures: Sequence[Figure], of_an_email: float, allocator: str) -> str:
    sizes = sorted({each.identities for each in figures})
    by_name: dict[str, dict[int, Figure]] = {}
    for each in figures:
        by_name.setdefault(each.name, {})[each.identities] = each
    lines = [
        f"Bytes for each identity (used_memory; process: resident), allocator: {allocator}",
        f"{'':<40}"
        + "".join(f"{f'of {size / 1e6:g} M':>10}" for size in sizes)
        + f"{'process':>9}{'one key':>9}  {'kept as':<11}{'any two of 1e9':>14}  a claim",
    ]
    for name, of_size in by_name.items():
        last = of_size[sizes[-1]]
        lines.append(
            f"{name:<40}"
            + "".join(f"{of_size[size].used:>10.1f}" for size in sizes)
            + f"{last.resident:>9.1f}{last.one:>9,}  {last.stored_as:<11}{last.any_two:>14.0e}  {last.claim}"
        )
    lines += ["", f"Hours of window in a GB, at {of_an_email:.2f} identities an email and so many emails a month"]
    lines.append(f"{'':<40}" + "".join(f"{emails / 1e6:>10,g} M" for emails in EMAILS_A_MONTH))
    for name, of_size in by_name.items():
        used = of_size[sizes[-1]].used
        told = "".join(f"{hours(used, of_an_email, emails):>12,.1f}" for emails in EMAILS_A_MONTH)
        lines.append(f"{name:<40}{told}")
    return "\n".join([*lines, "", NOTES])


NOTES = """\
A key is one piece of memory: header, expiry, key and a short value, about 24 bytes more than key and value, rounded up
to a size that the allocator has: libc 40 56 72 88; jemalloc as distributions package it 32 48 64 80: 16 characters
cost what 12 bytes do; as Redis and Valkey build it (--with-lg-quantum=3) each multiple of 8 up to 64, so that 12 bytes
cost 8 less. The value hardly counts. Beside it stand two entries, in the table of keys and in that of expiries: each 64
bytes for 7 places, about half of them free, since tables double. What is small enough to stand in a bucket pays for
neither. Process: what the process holds; buckets grow by being moved, which leaves holes.
Space hashed in: SHA-256 over table, time of creation and fact, so that no part of the key names the table.
Lease key, then look in bucket: SET NX GET PX on a key of the bucket's slot, then SISMEMBER; commit adds before it
deletes the lease. Two commands where one does now; right as long as they run in this order. A bucket expires as a
whole, so it must belong to a stretch of time that the fact itself tells.
Any two of 1e9: the odds that any two are taken for one, which loses an event. No filter (Bloom's or another) is in
the table for that reason: at 1 % it takes 1.2 bytes and loses one event of a hundred."""
