"""How the sizes of volumes are shown: tables in Markdown, the arithmetic of one volume, JSON."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict

from benchmarks import prices
from benchmarks.prices import GIB, MILLION, SECONDS_A_MONTH
from benchmarks.sizing_arithmetic import Sizing, idle_process_usd, idle_requests, size
from benchmarks.sizing_assumptions import (
    CONTAINER_GB,
    DEFAULT_MONTHS,
    ITEM_OVERHEAD,
    LEAST_WORKERS,
    PROBE_SECONDS,
    PROVISIONED_USE,
    REDIS_FILL,
    REDIS_NODES,
    VCPUS,
    VOLUMES,
    Assumptions,
)
from benchmarks.sizing_limits import limits


def usd(dollars: float) -> str:
    return f"${dollars:,.2f}" if dollars < 100 else f"${dollars:,.0f}"


def named(emails: float) -> str:
    return f"{emails / 1e9:,.3g} B" if emails >= 1e9 else f"{emails / MILLION:,.3g} M"


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Markdown, the columns of figures to the right."""
    lines = [list(head), *(list(row) for row in rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(head))]
    rule = ["-" * widths[0], *("-" * (width - 1) + ":" for width in widths[1:])]
    aligned = [
        [line[0].ljust(widths[0]), *map(str.rjust, line[1:], widths[1:])] for line in (lines[0], rule, *lines[1:])
    ]
    return "\n".join("| " + " | ".join(line) + " |" for line in aligned)


def months_table(sizings: Sequence[Sizing]) -> str:
    year = f"kept for {DEFAULT_MONTHS} months"
    rows: list[tuple[str, Sequence[str]]] = [
        ("events a second, average", [f"{each.average_events:,.1f}" for each in sizings]),
        ("events a second, peak", [f"{each.peak_events:,.0f}" for each in sizings]),
        ("write units a second, peak", [f"{each.peak_write_units:,.0f}" for each in sizings]),
        (f"containers of {VCPUS} vCPUs", [f"{each.workers:,}" for each in sizings]),
        ("messages in flight, at most", [f"{each.in_flight:,}" for each in sizings]),
        ("Redis, busiest day", [f"{each.redis_bytes / GIB:,.2f} GiB" for each in sizings]),
        ("Redis node, twice", [each.redis_node.removeprefix("cache.") for each in sizings]),
        ("containers", [usd(each.compute_usd) for each in sizings]),
        ("Redis", [usd(each.redis_usd) for each in sizings]),
        ("SNS publishes", [usd(each.sns_usd) for each in sizings]),
        ("SQS, sends", [usd(each.sends_usd) for each in sizings]),
        ("SQS, receives and deletes", [usd(each.receives_usd) for each in sizings]),
        ("idle polls and questions", [usd(each.idle_usd) for each in sizings]),
        ("DynamoDB writes", [usd(each.writes_usd) for each in sizings]),
        (f"storage, {year}", [usd(each.kept(DEFAULT_MONTHS).storage_usd) for each in sizings]),
        (f"recovery (PITR), {year}", [usd(each.kept(DEFAULT_MONTHS).pitr_usd) for each in sizings]),
        ("**together**", [f"**{usd(each.total_usd())}**" for each in sizings]),
        ("**per million emails**", [f"**{usd(each.total_usd() / each.emails * MILLION)}**" for each in sizings]),
        ("of that, without what is kept", [usd(each.running_usd / each.emails * MILLION) for each in sizings]),
        ("VDM, by the feature, per million", [vdm(each) for each in sizings]),
        ("Essentials' surcharge, per million", [usd(each.essentials_usd / each.emails * MILLION) for each in sizings]),
    ]
    head = ["a month", *(f"{named(each.emails)} emails" for each in sizings)]
    return table(head, [(name, *figures) for name, figures in rows])


def vdm(sizing: Sizing) -> str:
    least, most = (each / sizing.emails * MILLION for each in (sizing.vdm_least_usd, sizing.vdm_most_usd))
    return f"${least:,.0f}" if least == most else f"${least:,.0f} to {most:,.0f}"


def storage_table(sizings: Sequence[Sizing]) -> str:
    """Bytes and what Standard-IA saves: for each million emails a month, beyond the 25 GB that are free."""
    largest = sizings[-1]
    share = MILLION / largest.emails
    ia_writes = largest.ia_writes_usd - largest.writes_usd
    rows = []
    for each in largest.storage:
        bytes_kept = (f"{each.table_gb * share:,.1f} GB", f"{each.index_gb * share:,.1f} GB")
        bills = [usd(sizing.kept(each.months).usd) for sizing in sizings]
        ratio = f"{each.usd / largest.writes_usd:,.1f}"
        saved = f"{(each.storage_usd - each.ia_usd - ia_writes) * share:,.2f}"
        rows.append((str(each.months), *bytes_kept, *bills, ratio, saved))
    volumes = [f"{named(each.emails)} emails" for each in sizings]
    return table(["months kept", "table", "indexes", *volumes, "times the writes", "saved by IA"], rows)


def limits_table(on: Assumptions) -> str:
    rows = [(each.name, f"{each.events:,.0f}", named(each.emails)) for each in limits(on)]
    return table(["limit", "events a second", "emails a month"], rows)


def arithmetic(emails: int, on: Assumptions) -> str:
    """Each figure of one volume, with what it is made of."""
    it = size(emails, on)
    year = it.kept(DEFAULT_MONTHS)
    events = emails * on.events_per_email
    millions = f"{events / MILLION:,.2f} M"
    core = on.events_per_second_per_core * on.utilisation
    polls = idle_requests(on)
    questions = SECONDS_A_MONTH / PROBE_SECONDS / MILLION
    keys = emails * on.identities_per_email * on.window_seconds / SECONDS_A_MONTH * on.busiest_day
    request, write = prices.SQS_REQUESTS, prices.DYNAMODB_WRITE_UNITS
    failure = f"{on.failures_per_email:.3f} x ({on.failure_index_bytes:.0f} + 2 x {ITEM_OVERHEAD})"
    steps: Sequence[tuple[str, ...]] = (
        ("events", f"{emails:,} emails x {on.events_per_email} = {events:,.0f} a month"),
        ("average", f"/ {SECONDS_A_MONTH:,} s = {it.average_events:,.1f} a second"),
        (
            "peak",
            f"x {on.busiest_day:g} (busiest day) x {on.busiest_hour:g} (its busiest hour) = {it.peak_events:,.0f}",
        ),
        (
            "processes",
            f"/ ({on.events_per_second_per_core:,.0f} a core x {on.utilisation:.0%}) = {it.peak_events / core:,.2f};",
            f"in containers of {VCPUS}, at least {LEAST_WORKERS}: {it.workers} containers, {it.processes} processes",
        ),
        ("in flight", f"{it.processes} processes x {on.threads} threads x {on.batch_size} = {it.in_flight:,} at most"),
        (
            "containers",
            f"{it.workers} x ({VCPUS} x ${prices.FARGATE_VCPU} + {CONTAINER_GB} GB x ${prices.FARGATE_GB})",
            f"x {prices.HOURS_A_MONTH} h = {usd(it.compute_usd)}",
        ),
        (
            "Redis",
            f"{emails:,} x {on.identities_per_email:.2f} keys x {on.window_seconds:,} s / {SECONDS_A_MONTH:,} s",
            f"x {on.busiest_day:g} = {keys:,.0f},",
            f"x {on.redis_bytes_per_identity:g} B = {it.redis_bytes / GIB:,.2f} GiB",
        ),
        ("", f"{REDIS_NODES} {it.redis_node}, {REDIS_FILL:.0%} full at most, Valkey: {usd(it.redis_usd)}"),
        ("SNS", f"({millions} - 1 M free) x ${prices.SNS_PUBLISHES:.2f} = {usd(it.sns_usd)}"),
        ("SQS, sends", f"({millions} - 1 M free) x ${request:.2f} = {usd(it.sends_usd)}"),
        ("SQS, worker", f"{millions} x {on.billed_requests} x ${request:.2f} = {usd(it.receives_usd)}"),
        (
            "idle",
            f"a process a month: {polls:.1f} M requests x ${request:.2f} + {questions:.2f} M questions x ${write}",
            f"= {usd(idle_process_usd(on))}; {it.processes} of them, as far as they idle: {usd(it.idle_usd)}",
        ),
        ("writes", f"{millions} x {on.write_units} x ${write} = {usd(it.writes_usd)}"),
        ("", f"provisioned, {PROVISIONED_USE:.0%} of it used: {usd(it.provisioned_usd)}"),
        (
            "an email",
            f"table {on.events_per_email} x ({on.activity_bytes:.0f} + {ITEM_OVERHEAD})",
            f"+ {on.mail_bytes:.0f} + {ITEM_OVERHEAD} = {on.table_bytes_per_email:,.0f} B;",
            f"indexes {on.index_bytes:.0f} + 3 x {ITEM_OVERHEAD} + {failure} = {on.index_bytes_per_email:,.0f} B",
        ),
        (
            "storage",
            f"{DEFAULT_MONTHS} months: {year.table_gb:,.1f} GB + {year.index_gb:,.1f} GB",
            f"- {prices.DYNAMODB_FREE_STORAGE:.0f} free, x ${prices.DYNAMODB_STORAGE:.2f} = {usd(year.storage_usd)}",
        ),
        ("recovery", f"the table's {year.table_gb:,.1f} GB x ${prices.DYNAMODB_PITR:.2f} = {usd(year.pitr_usd)}"),
        ("together", f"{usd(it.total_usd())}; per million emails {usd(it.total_usd() / emails * MILLION)}"),
    )
    return "\n".join(f"{name:<12} {' '.join(parts)}" for name, *parts in steps)


def event_prices(on: Assumptions) -> str:
    given = on.billed_requests, on.write_units
    worker, sends, all_of_it = (
        function(*given)
        for function in (
            prices.worker_usd_per_million_events,
            prices.with_sends_usd_per_million_events,
            prices.with_publishes_usd_per_million_events,
        )
    )
    return (
        f"A million events: {usd(worker)} for the worker's own calls, {usd(sends)} with the sends into the queue, "
        f"{usd(all_of_it)} with SNS's publishes."
    )


def report(on: Assumptions) -> str:
    sizings = [size(emails, on) for emails in VOLUMES]
    return "\n\n".join(
        [
            f"List prices of {prices.AS_OF}, us-east-1. Peak: {on.peak_factor:g} times the average. {event_prices(on)}",
            months_table(sizings),
            "Storage and recovery, dollars a month, once so many months have come together:",
            storage_table(sizings),
            "Limits, by the events a second and by the month whose peak that is:",
            limits_table(on),
        ]
    )


def as_json(on: Assumptions) -> str:
    sizings = [size(emails, on) for emails in VOLUMES]
    months = [asdict(each) | {"total_usd": each.total_usd(), "running_usd": each.running_usd} for each in sizings]
    return json.dumps(
        {
            "as_of": prices.AS_OF,
            "assumptions": asdict(on),
            "months": months,
            "limits": [asdict(each) for each in limits(on)],
        },
        indent=2,
    )
