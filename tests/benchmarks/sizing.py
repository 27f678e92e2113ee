"""On paper: what a volume of email asks for in workers, Redis memory and dollars a month.

    cd tests && python -m benchmarks.sizing [--measure]

Prints the tables of docs/scaling.md, in Markdown. What was measured stands in sizing_arithmetic.py, and each figure of
it is a flag. Prices are in prices.py.
"""

import argparse
import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import fields

from benchmarks import prices
from benchmarks.prices import MILLION, SECONDS_A_MONTH
from benchmarks.sizing_arithmetic import MONTHS, VOLUMES, Assumptions, kept, limits, measured, month


def usd(dollars: float) -> str:
    return f"${dollars:,.2f}" if dollars < 100 else f"${dollars:,.0f}"


#: How the rows of the first table are written that are no dollars.
WRITTEN: dict[str, Callable[[float], str]] = {
    "events a second, average": "{:,.1f}".format,
    "events a second, peak": "{:,.0f}".format,
    "write units a second, peak": "{:,.0f}".format,
    "containers of 2 vCPUs": "{:,}".format,
    "messages in flight, at most": "{:,}".format,
    "Redis, busiest day": "{:,.2f} GiB".format,
    "Redis node, twice": lambda name: str(name).removeprefix("cache."),
    "**together**": lambda dollars: f"**{usd(dollars)}**",
    "**per million emails**": lambda dollars: f"**{usd(dollars)}**",
}


def named(emails: float) -> str:
    return f"{emails / 1e9:,.3g} B" if emails >= 1e9 else f"{emails / MILLION:,.3g} M"


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Markdown, the columns of figures to the right."""
    lines = [list(head), *map(list, rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(head))]
    rule = ["-" * widths[0], *("-" * (width - 1) + ":" for width in widths[1:])]
    aligned = [
        [line[0].ljust(widths[0]), *map(str.rjust, line[1:], widths[1:])] for line in (lines[0], rule, *lines[1:])
    ]
    return "\n".join("| " + " | ".join(line) + " |" for line in aligned)


def months_table(on: Assumptions) -> str:
    months = [month(emails, on) for emails in VOLUMES]
    rows = [(name, *(WRITTEN.get(name, usd)(each[name]) for each in months)) for name in months[0]]
    return table(["a month", *(f"{named(emails)} emails" for emails in VOLUMES)], rows)


def storage_table(on: Assumptions) -> str:
    """Bytes and what Standard-IA saves: for each million emails a month, beyond the 25 GB that are free."""
    share = MILLION / VOLUMES[-1]
    units = VOLUMES[-1] * on.events_per_email * on.write_units / MILLION
    writes, ia_writes = units * prices.DYNAMODB_WRITE_UNITS, units * prices.DYNAMODB_IA_WRITE_UNITS
    rows = []
    for months in MONTHS:
        it = kept(VOLUMES[-1], months, on)
        sizes = [f"{gigabytes * share:,.1f} GB" for gigabytes in (it.table_gb, it.index_gb)]
        bills = [usd(kept(emails, months, on).usd) for emails in VOLUMES]
        saved = (it.storage_usd - it.ia_usd - (ia_writes - writes)) * share
        rows.append((str(months), *sizes, *bills, f"{it.usd / writes:,.1f}", f"{saved:,.2f}"))
    volumes = [f"{named(emails)} emails" for emails in VOLUMES]
    return table(["months kept", "table", "indexes", *volumes, "times the writes", "saved by IA"], rows)


def limits_table(on: Assumptions) -> str:
    """With the month whose peak each limit is."""
    by_month = SECONDS_A_MONTH / on.events_per_email / on.peak_factor
    rows = [(name, f"{events:,.0f}", named(events * by_month)) for name, events in limits(on).items()]
    return table(["limit", "events a second", "emails a month"], rows)


def event_prices(on: Assumptions) -> str:
    worker = prices.worker_usd_per_million_events(on.billed_requests, on.write_units)
    sends = prices.with_sends_usd_per_million_events(on.billed_requests, on.write_units)
    return (
        f"A million events: {usd(worker)} for the worker's own calls, {usd(sends)} with the sends into the queue, "
        f"{usd(sends + prices.SNS_PUBLISHES)} with SNS's publishes."
    )


def report(on: Assumptions) -> str:
    return "\n\n".join(
        [
            f"List prices of {prices.AS_OF}, us-east-1. Peak: {on.peak_factor:g} times the average. {event_prices(on)}",
            months_table(on),
            "Storage and recovery, dollars a month, once so many months have come together:",
            storage_table(on),
            "Limits, by the events a second and by the month whose peak that is:",
            limits_table(on),
        ]
    )


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.sizing", description=__doc__.partition("\n")[0])
    for each in fields(Assumptions):
        flag = f"--{each.name.replace('_', '-')}"
        parser.add_argument(flag, type=type(each.default), default=each.default, metavar="N", help=f"{each.default:g}")
    parser.add_argument("--measure", action="store_true", help="weigh the items of the benchmark's mix instead")
    given = vars(parser.parse_args(arguments))
    is_weighed = given.pop("measure")
    on = Assumptions(**given)
    sys.stdout.write(report(measured(on) if is_weighed else on) + "\n")


if __name__ == "__main__":
    main()
