"""`email-activity replay`: archived notifications into the table, as if they came again."""

import hashlib
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import click

from email_activity.cli import show
from email_activity.cli.bar import bar
from email_activity.cli.interrupt import BY_CTRL_C, Interrupt, interruptible
from email_activity.replay.checkpoint import Checkpoint, CheckpointError, about
from email_activity.replay.files import REJECTS, STDIN, ArchiveFile, StoppedError, find_files
from email_activity.replay.recorder import open_target
from email_activity.replay.rejects import Rejects
from email_activity.replay.replay import Replay
from email_activity.ses.tracking_policy import tracking_policy
from email_activity.settings import load_settings

OUTCOMES = ("activity", "control", "untracked", "expired", "rejected")


@click.command()
@click.argument("paths", metavar="PATH... | -", nargs=-1, required=True)
@click.option("--dry-run", is_flag=True, help="Read and count only. Needs neither AWS nor Redis.")
@click.option("--rate", type=click.FloatRange(min=0, min_open=True), help="Documents a second, at most.")
@click.option("--threads", type=click.IntRange(1, 64), default=4, show_default=True, help="That write to the table.")
@click.option("--checkpoint", type=click.Path(dir_okay=False, path_type=Path), help="Default: as told above.")
@click.option("--rejects", type=click.Path(dir_okay=False, path_type=Path), help="Default: as told above.")
@click.option("--from-start", is_flag=True, help="Take no notice of the checkpoint, and begin it anew.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object at the end.")
def replay(  # noqa: PLR0913  one argument for each option is how click works
    *,
    paths: tuple[str, ...],
    dry_run: bool,
    rate: float | None,
    threads: int,
    checkpoint: Path | None,
    rejects: Path | None,
    from_start: bool,
    as_json: bool,
) -> None:
    """Record archived notifications, as the worker would have: after a loss, from a backup, or for a new table.

    A PATH is a file, or a folder as `aws s3 sync` leaves it, of which hidden files and this command's own are left
    out. `-` is standard input, which cannot be resumed. A file may be compressed with gzip. It holds what a queue
    would: one document a line, pretty-printed, one directly after another, or in a JSON array.

    Workers may run meanwhile. What is in the table already is written again, which changes nothing. While the table
    is away or throttled this waits, and goes on by itself.

    How far it came is kept in NAME.replay-XXXXXXXX.json in the current folder, NAME being the first PATH's: the same
    command goes on from there. What cannot be recorded goes to NAME.rejects.jsonl with its reason; mend that file
    and replay it.

    \b
    With --json the object has
      documents                 of which activity, control, untracked, expired, rejected
      facts_written             items that the table took
      files                     read in this run
      seconds
      checkpoint, rejects       files; null where there is none

    Exit code 0 if all is done; 1 if documents were rejected, also by earlier runs that this one went on from, or a
    file could not be read; 2 for wrong usage or settings; 130 if interrupted.

    \b
    Examples:
      aws s3 sync s3://my-archive/ses/2026/11/ november && email-activity replay november
      email-activity replay --dry-run november
      email-activity replay --rate 200 november/23 november/24.jsonl.gz
      zcat november/*.gz | email-activity replay --json -
    """
    settings = load_settings(threads_per_process=threads)
    files, checkpoint_path, rejects_path = _files(paths, checkpoint, rejects)
    is_resumable = not dry_run and not any(file.is_stream for file in files)
    interrupt = Interrupt()
    job = Replay(files, tracking_policy(settings), interrupt, threads=threads, rate=rate)
    began_at = time.monotonic()
    with interruptible(interrupt), bar(sum(file.size for file in files)) as (job.say, job.report):
        try:
            if not dry_run:
                target = open_target(settings, job.say, interrupt)
                job.recorder, job.rejects = target.recorder, Rejects(rejects_path)
                if is_resumable:
                    wanted = about(settings, target.arn, target.created_at)
                    job.checkpoint = _load(checkpoint_path, wanted, from_start=from_start)
                    _announce(job, job.checkpoint)
                else:
                    job.say("a stream cannot be resumed: interrupted, it begins anew")
            job.run()
        except StoppedError:
            job.summary.is_interrupted = True
    seconds = time.monotonic() - began_at
    if as_json:
        show.print_json(_as_json(job, seconds))
    else:
        click.echo(_in_words(job, seconds))
    _print_what_to_do(job, from_start=from_start)
    raise SystemExit(_exit_code(job))


def _files(paths: Sequence[str], checkpoint: Path | None, rejects: Path | None) -> tuple[list[ArchiveFile], Path, Path]:
    """What to read, and the two files to write."""
    if STDIN in paths and len(paths) > 1:
        raise click.UsageError("- goes alone: give the other files a run of their own")
    name = "stdin" if paths[0] == STDIN else Path(paths[0]).resolve().name or "root"
    which = hashlib.sha256("\n".join(str(Path(path)) for path in paths).encode(errors="surrogateescape")).hexdigest()
    checkpoint = checkpoint or Path(f"{name}.replay-{which[:8]}.json")
    rejects = rejects or Path(f"{name}{REJECTS}")
    own = {path.resolve() for path in (checkpoint, rejects)}
    if len(own) < len((checkpoint, rejects)) or own & {Path(path).resolve() for path in paths}:
        raise click.UsageError("what is read, the checkpoint and the rejects must be different files")
    try:
        return find_files(paths, own), checkpoint, rejects
    except OSError as error:
        raise click.UsageError(f"{error.filename}: {error.strerror}") from None


def _load(path: Path, wanted: Mapping[str, str], *, from_start: bool) -> Checkpoint:
    if from_start:
        return Checkpoint(path, wanted)
    try:
        return Checkpoint.load(path, wanted)
    except CheckpointError as error:
        raise click.UsageError(f"{error}: choose another --checkpoint, or begin anew with --from-start") from None


def _announce(job: Replay, checkpoint: Checkpoint) -> None:
    marks = [checkpoint.mark_of(file) for file in job.files]
    done = sum(mark.is_done for mark in marks)
    if done == len(marks):
        job.say("nothing left to do; --from-start does it again")
    elif any(mark.position or mark.is_done for mark in marks):
        job.say(f"going on from {checkpoint.path}: {done:,} of {_some(len(marks), 'file')} done")
    else:
        job.say(f"{_some(len(marks), 'file')}; how far this comes is kept in {checkpoint.path}")


def _as_json(job: Replay, seconds: float) -> dict[str, Any]:
    counts = job.summary.counts
    return {
        **{name: counts[name] for name in ("documents", *OUTCOMES, "facts_written")},
        "files": job.summary.files,
        "seconds": round(seconds, 3),
        "checkpoint": str(job.checkpoint.path) if job.checkpoint else None,
        "rejects": str(job.rejects.path) if job.rejects and counts["rejected"] else None,
    }


def _in_words(job: Replay, seconds: float) -> str:
    counts = job.summary.counts
    outcomes = ", ".join(f"{counts[name]:,} {name}" for name in OUTCOMES)
    facts = f"; {counts['facts_written']:,} facts written" if job.recorder else "; nothing written"
    read = f"{_some(counts['documents'], 'document')} of {_some(job.summary.files, 'file')}"
    return f"{read}: {outcomes}{facts}; {seconds:,.1f} s"


def _print_what_to_do(job: Replay, *, from_start: bool) -> None:
    summary = job.summary
    rejected = _rejected(job)
    if rejected:
        earlier = rejected - summary.counts["rejected"]
        reasons = ", ".join(f"{count:,} {reason}" for reason, count in summary.reasons.most_common())
        parts = [reasons, f"{earlier:,} by earlier runs" if earlier else ""]
        why = "; ".join(part for part in parts if part)
        where = f"in {job.rejects.path}" if job.rejects else "the first of them:"
        show.print_note(f"{_some(rejected, 'document')} rejected ({why}); {where}")
        for file, position, reason in () if job.rejects else summary.examples:
            show.print_note(f"{file} at byte {position}: {reason}")
    if summary.failed:
        show.print_note(f"{_some(len(summary.failed), 'file')} could not be read to the end; the next run tries again")
    if summary.is_interrupted and job.checkpoint:
        without = ", without --from-start," if from_start else ""
        show.print_note(f"interrupted; all so far is kept in {job.checkpoint.path}. The same command{without} goes on")
    elif summary.is_interrupted:
        show.print_note("interrupted")


def _some(count: int, what: str) -> str:
    return f"{count:,} {what}" + "s" * (count != 1)


def _rejected(job: Replay) -> int:
    """Also by the runs that this one went on from."""
    return job.checkpoint.rejected if job.checkpoint else job.summary.counts["rejected"]


def _exit_code(job: Replay) -> int:
    if job.summary.is_interrupted:
        return BY_CTRL_C
    return 1 if job.summary.failed or _rejected(job) else 0
