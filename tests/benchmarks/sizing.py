"""On paper: what a volume of email asks for in workers, Redis memory and dollars a month.

    cd tests && python -m benchmarks.sizing [--explain] [--json]

What was measured stands in sizing_assumptions.py; the flags take the place of any of it. Prices are in prices.py.
"""

import argparse
import sys
from collections.abc import Sequence

from benchmarks.sizing_arithmetic import idle_process_usd, kept, provisioned_usd, redis_node, size
from benchmarks.sizing_assumptions import VOLUMES, Assumptions
from benchmarks.sizing_items import item_bytes, measured
from benchmarks.sizing_limits import limits
from benchmarks.sizing_tables import arithmetic, as_json, named, report

#: All of it by one name.
__all__ = [
    "Assumptions",
    "arithmetic",
    "as_json",
    "idle_process_usd",
    "item_bytes",
    "kept",
    "limits",
    "main",
    "measured",
    "provisioned_usd",
    "redis_node",
    "size",
]


def parser() -> argparse.ArgumentParser:
    found = argparse.ArgumentParser(prog="python -m benchmarks.sizing", description=__doc__.partition("\n")[0])
    usual = Assumptions()
    found.add_argument(
        "--events-per-second-per-core", type=float, default=usual.events_per_second_per_core, metavar="N"
    )
    found.add_argument("--calls-per-event", type=float, default=usual.billed_requests, metavar="N", help="SQS requests")
    found.add_argument("--write-units-per-event", type=float, default=usual.write_units, metavar="N")
    sizes = (usual.activity_bytes, usual.mail_bytes, usual.index_bytes)
    names = ("ACTIVITY", "MAIL", "INDEXES")
    found.add_argument("--item-bytes", type=float, nargs=3, default=sizes, metavar=names)
    found.add_argument("--redis-bytes-per-identity", type=float, default=usual.redis_bytes_per_identity, metavar="N")
    found.add_argument(
        "--busiest-day", type=float, default=usual.busiest_day, metavar="N", help="times the average day"
    )
    found.add_argument(
        "--busiest-hour", type=float, default=usual.busiest_hour, metavar="N", help="times its average hour"
    )
    found.add_argument("--window-seconds", type=int, default=usual.window_seconds, metavar="N")
    found.add_argument("--measure", action="store_true", help="weigh the items of the benchmark's mix instead")
    found.add_argument("--explain", action="store_true", help="show the arithmetic of each volume")
    found.add_argument("--json", action="store_true")
    return found


def main(arguments: Sequence[str] | None = None) -> int:
    given = parser().parse_args(arguments)
    activity, mail, index = given.item_bytes
    on = Assumptions(
        events_per_second_per_core=given.events_per_second_per_core,
        billed_requests=given.calls_per_event,
        write_units=given.write_units_per_event,
        activity_bytes=activity,
        mail_bytes=mail,
        index_bytes=index,
        redis_bytes_per_identity=given.redis_bytes_per_identity,
        busiest_day=given.busiest_day,
        busiest_hour=given.busiest_hour,
        window_seconds=given.window_seconds,
    )
    if given.measure:
        on = measured(on)
    text = as_json(on) if given.json else report(on)
    if given.explain and not given.json:
        text += "".join(f"\n\n## {named(emails)} emails\n\n{arithmetic(emails, on)}" for emails in VOLUMES)
    sys.stdout.write(text + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
