"""`email-activity forget` and `export`: a person's data, erased or handed over."""

import json
import sys
from dataclasses import asdict
from typing import Any

import click

from email_activity.activity.describe import counted
from email_activity.cli import show
from email_activity.cli.interrupt import BY_CTRL_C
from email_activity.cli.options import together
from email_activity.domain.addresses import normalize_address
from email_activity.domain.tombstones import PersonKey
from email_activity.erasure.export import Export
from email_activity.erasure.forget import Certificate, Forgetting
from email_activity.erasure.table import PersonalTable
from email_activity.settings import ReaderSettings, SettingsError, TrackingSettings, load_reader_settings, read_settings

HOW_TO_MAKE_A_KEY = (
    "FORGET_KEY: not set, want a secret of 32 characters or more. Make it once with `openssl rand -hex 32`, give it to "
    "all workers, restart them, and keep it as long as the table: by it they know whom not to record again"
)


class ForgetSettings(TrackingSettings, ReaderSettings):
    pass


def _address(context: click.Context, parameter: click.Parameter, value: str) -> str:
    """`-`: the first line of standard input, so that it stands in no history of a shell and in no list of processes."""
    text = normalize_address(sys.stdin.readline() if value == "-" else value)
    if "@" not in text or text.startswith("@") or text.endswith("@"):
        raise click.BadParameter("want an email address, or - for standard input", ctx=context, param=parameter)
    return text


PERSON = together(
    click.argument("address", metavar="ADDRESS | -", callback=_address),
    click.option(
        "--no-scan",
        is_flag=True,
        help="Only mail that was sent to the address, by the index: quick, but not all (see above).",
    ),
)


@click.command()
@PERSON
@click.option("--dry-run", is_flag=True, help="Count what would go, and change nothing. Needs no FORGET_KEY.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option("--json", "as_json", is_flag=True, help="The certificate as one JSON object; with --dry-run the counts.")
def forget(*, address: str, no_scan: bool, dry_run: bool, yes: bool, as_json: bool) -> None:
    """Erase all that the table holds of a person, for good, and keep it from coming back.

    First a tombstone, under a keyed hash of the address: workers read it within half a minute, and from then on record
    nothing of mail that was sent to the person before, whatever comes late or is replayed. When all have, the person's
    items are deleted; where an email went to others too, theirs stay without a trace of the person. Then each index is
    looked at. docs/forgetting.md tells what is deleted, what is kept, and where other copies may be: archives, dead
    letters, backups.

    It reads the whole table, since a server's words or a forward's bounce may name the person in anybody's mail. With
    --no-scan only mail that was sent to the address is looked at; the certificate says so.

    It may be interrupted or killed at any time: the same command goes on. A person who was forgotten may be written to
    again, and mail sent from now on is recorded as everybody's is.

    \b
    The certificate (--json) has no address in it
      person, key_id            its hash under FORGET_KEY, and which key that is
      number                    of the tombstone
      forgotten_at, finished_at what was sent before is gone since
      table, table_created_at, version
      runs, workers             that it took; that were waited for
      is_scanned                false with --no-scan
      counts                    emails, items_deleted, items_redacted,
                                items_scanned, index_entries_gone

    It needs the eraser policy that `provision` makes, and FORGET_KEY.

    \b
    Examples:
      email-activity forget ana@example.com --dry-run
      email-activity export ana@example.com > ana.json
      email-activity forget - --yes --json < address > certificate.json

    Exit codes: 0 forgotten, also if nothing was there; 1 failed, run it again; 2 wrong usage or settings; 130 and 143
    interrupted.
    """
    settings = read_settings(ForgetSettings, {})
    table = PersonalTable.open(settings)
    if dry_run:
        _print_counts(Forgetting(table, PersonKey(""), address, show.print_note).would_do(scans=not no_scan), as_json)
        if not settings.forget_key:
            show.print_note(HOW_TO_MAKE_A_KEY)
        return
    if not settings.forget_key:
        raise SettingsError(HOW_TO_MAKE_A_KEY)
    work = Forgetting(table, PersonKey(settings.forget_key.get_secret_value()), address, show.print_note)
    work.check()
    if not yes:
        _confirm(settings.activity_table)
    tombstone, certificate = work.forget(scans=not no_scan)
    if as_json:
        show.print_json(asdict(certificate))
    else:
        click.echo(_in_words(certificate))
    sys.stdout.flush()  # if nobody could take it, the next run makes it again
    work.finish(tombstone)


def _confirm(table: str) -> None:
    if not sys.stdin.isatty():
        raise click.UsageError("there is nobody to ask: give --yes, or --dry-run to look only")
    try:
        is_confirmed = click.confirm(f"Erase this person from the table {show.printable(table)} for good", err=True)
    except click.Abort:
        raise SystemExit(BY_CTRL_C) from None
    if not is_confirmed:
        raise click.ClickException("nothing was changed")


def _print_counts(counts: dict[str, int], as_json: bool) -> None:
    names = ("emails", "items_deleted", "items_redacted", "items_scanned")
    if as_json:
        show.print_json({name: counts.get(name, 0) for name in names})
    else:
        click.echo(f"would erase {_counted(counts)}; nothing was changed")


def _counted(counts: dict[str, int]) -> str:
    emails, deleted = counted(counts.get("emails", 0), "email"), counted(counts.get("items_deleted", 0), "item")
    return f"{deleted} of {emails} and redact {counts.get('items_redacted', 0):,}"


def _in_words(certificate: Certificate) -> str:
    scanned = "" if certificate.is_scanned else "; the table was not scanned"
    counts = certificate.counts
    return (
        f"forgotten: {counted(counts.get('items_deleted', 0), 'item')} deleted and "
        f"{counts.get('items_redacted', 0):,} redacted, of {counted(counts.get('emails', 0), 'email')}{scanned}. "
        f"Tombstone {certificate.number}, person {certificate.person[:16]}"
    )


@click.command()
@PERSON
@click.option("--json", "as_json", is_flag=True, expose_value=False, help="The only form there is.")
def export(*, address: str, no_scan: bool) -> None:
    """All that the table holds of a person, as one JSON object: what to give someone who asks for their data.

    Of mail that went to others too it has the person's own part and what names nobody, without ip and agent, which may
    be anybody's; of a record of somebody else's that mentions the person, where it does. It reads the whole table, as
    `forget` does, unless --no-scan.

    \b
    The object has
      address, table, is_scanned
      items    each with email_id, fact (activity, recipient, extra,
               assignment), and what is stored of it under the table's own
               names; docs/reading.md and docs/architecture.md explain these

    It needs the eraser policy that `provision` makes. Its output is the person's: keep it safe, and out of logs.

    \b
    Examples:
      email-activity export ana@example.com > ana.json
      email-activity export - < address | jq '.items[].kind'

    Exit codes: 0 something is stored; 1 nothing is, or failed; 2 wrong usage or settings.
    """
    settings = load_reader_settings()
    is_first = True
    with show.live_count("items read", disable=sys.stdout.isatty()) as live:
        about = {"address": address, "table": settings.activity_table, "is_scanned": not no_scan}
        items = Export(PersonalTable.open(settings), address, live.advance).items(scans=not no_scan)
        sys.stdout.write(json.dumps(about)[:-1] + ', "items": [')
        for item in items:
            sys.stdout.write(("" if is_first else ",") + "\n" + json.dumps(item, default=_number))
            is_first = False
    sys.stdout.write("\n]}\n")
    raise SystemExit(1 if is_first else 0)


def _number(value: Any) -> Any:
    """DynamoDB's numbers, which may be beyond a float."""
    return float(value) if float(value) == value else str(value)
