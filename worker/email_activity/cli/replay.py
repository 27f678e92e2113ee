"""`email-activity replay`: archived notifications to the events queue, as if they came again."""

import hashlib
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from email_activity.activity.describe import counted
from email_activity.aws.clients import dynamodb_client, s3_client, sqs_client
from email_activity.cli import show
from email_activity.cli.bar import bar
from email_activity.cli.interrupt import Interrupt, interruptible
from email_activity.replay.bucket import BucketArchive
from email_activity.replay.checkpoint import Checkpoint, CheckpointError, fingerprint
from email_activity.replay.files import REJECTS, S3, STDIN, ArchiveFile, find_files
from email_activity.replay.rejects import Rejects
from email_activity.replay.replay import Replay
from email_activity.replay.sender import QueueSender
from email_activity.ses.tracking_policy import tracking_policy
from email_activity.settings import Settings, load_settings

#: What becomes of a document that is not sent.
OTHERS = ("control", "untracked", "expired", "rejected")


HELP = """Send archived notifications to the events queue: after a loss, from a backup, or for a new table. The workers
record them, also where Redis says that they did before.

A PATH is a file, or a folder as `aws s3 sync` leaves it, of which hidden files and this command's own are left out, or
s3://BUCKET/PREFIX: all objects whose keys begin so, in the order of their keys, read as they come. Links in a folder
are not followed: one to what is not read anyway counts as a file that cannot be read. `-` is standard input, which
cannot be resumed. A file may be compressed with gzip. It holds what a queue would: one document
a line, pretty-printed, one directly after another, or in a JSON array. What Lambda was given, or `aws sqs
receive-message` printed, counts as the documents in it.

Workers need not run meanwhile: the queue keeps messages for 14 days. What is in the table already is written
again, which changes nothing but when and how it was recorded. New events wait behind what was sent, so give a large
archive a --rate. While the queue is away or throttled this waits, and goes on by itself.

How far it came is kept in NAME.replay-XXXXXXXX.json in the current folder, NAME being the first PATH's: the same
command goes on from there. After a kill it may send some messages a second time, which changes nothing. What
cannot be read, or is too large for the queue, goes to NAME.rejects.jsonl with its reason; mend that file and
replay it.

\b
With --json the object has
  documents                 of which activity, control, untracked, expired,
                            rejected
  sent                      messages that the queue took; 0 with --dry-run
  files                     read in this run
  seconds
  checkpoint, rejects       files; null where there is none

Exit code 0 if all is sent; 1 if documents were rejected, also by earlier runs that this one went on from, or a
file could not be read; 2 for wrong usage or settings; 130 after Ctrl-C, 143 after `kill`.

\b
Examples:
  email-activity replay --rate 200 s3://my-archive/email-activity/2026/11/
  email-activity replay november
  email-activity replay --dry-run november
  email-activity replay --rate 200 november/23 november/24.jsonl.gz
  zcat november/*.gz | email-activity replay --json -
"""


@click.command(help=HELP)
@click.argument("paths", metavar="PATH... | -", nargs=-1, required=True)
@click.option("--dry-run", is_flag=True, help="Read and count only. Needs no AWS but S3.")
@click.option("--rate", type=click.FloatRange(min=0, min_open=True), help="Messages sent in a second, at most.")
@click.option("--threads", type=click.IntRange(1, 64), default=4, show_default=True, help="That send to the queue.")
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
    settings = load_settings(threads_per_process=threads)
    bucket = BucketArchive(s3_client(settings)) if any(path.startswith(S3) for path in paths) else None
    files, checkpoint, rejects = _files(paths, checkpoint, rejects, bucket)
    interrupt = Interrupt()
    job = Replay(files, tracking_policy(settings), interrupt, rate=rate)
    if bucket:
        job.open = bucket.open
    began_at = time.monotonic()
    with interruptible(interrupt), bar(sum(file.size for file in files)) as (job.say, job.report):
        if not dry_run:
            job.rejects = Rejects(rejects)
            _connect(job, settings, checkpoint, from_start=from_start)
        job.run()
    seconds = time.monotonic() - began_at
    if as_json:
        show.print_json(_as_json(job, seconds))
    else:
        click.echo(_in_words(job, seconds))
    _print_what_to_do(job, from_start=from_start)
    if job.summary.is_interrupted:
        raise SystemExit(interrupt.exit_code)
    raise SystemExit(1 if job.summary.failed or _rejected(job) else 0)


def _files(
    paths: Sequence[str], checkpoint: Path | None, rejects: Path | None, bucket: BucketArchive | None
) -> tuple[list[ArchiveFile], Path, Path]:
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
        return find_files(paths, own, bucket.find if bucket else None), checkpoint, rejects
    except OSError as error:
        raise click.UsageError(f"{error.filename}: {error.strerror}") from None


def _connect(job: Replay, settings: Settings, path: Path, *, from_start: bool) -> None:
    """path: of the checkpoint. Says where the replay begins."""
    job.sender = QueueSender.open(sqs_client(settings), settings, job.say, job.is_stopping)
    if any(file.is_stream for file in job.files):
        job.say("a stream cannot be resumed: interrupted, it begins anew")
        return
    table = dynamodb_client(settings).describe_table(TableName=settings.activity_table)["Table"]
    target = fingerprint(settings, job.sender.url, table)
    try:
        job.checkpoint = Checkpoint(path, target) if from_start else Checkpoint.load(path, target)
    except CheckpointError as error:
        raise click.UsageError(f"{error}: choose another --checkpoint, or begin anew with --from-start") from None
    progress = [job.checkpoint.progress_of(file) for file in job.files]
    done = sum(each.is_done for each in progress)
    if done == len(progress):
        job.say("nothing left to do; --from-start does it again")
    elif any(each.position or each.is_done for each in progress):
        job.say(f"going on from {path}: {done:,} of {counted(len(progress), 'file')} done")
    else:
        job.say(f"{counted(len(progress), 'file')}; how far this comes is kept in {path}")


def _as_json(job: Replay, seconds: float) -> dict[str, Any]:
    counts = job.summary.counts
    return {
        **{name: counts[name] for name in ("documents", "activity", *OTHERS, "sent")},
        "files": job.summary.files,
        "seconds": round(seconds, 3),
        "checkpoint": str(job.checkpoint.path) if job.checkpoint else None,
        "rejects": str(job.rejects.path) if job.rejects and counts["rejected"] else None,
    }


def _in_words(job: Replay, seconds: float) -> str:
    counts = job.summary.counts
    read = f"{counted(counts['documents'], 'document')} of {counted(job.summary.files, 'file')}"
    others = ", ".join(f"{counts[name]:,} {name}" for name in OTHERS)
    if not job.sender:
        return f"{counts['activity']:,} would be sent, {others}; {read}; {seconds:,.1f} s; nothing sent"
    queue = job.sender.url.rpartition("/")[2]
    return f"{counts['sent']:,} sent to {queue}, the workers record them; {others}; {read}; {seconds:,.1f} s"


def _print_what_to_do(job: Replay, *, from_start: bool) -> None:
    summary = job.summary
    rejected = _rejected(job)
    if rejected:
        earlier = rejected - summary.counts["rejected"]
        reasons = ", ".join(f"{count:,} {reason}" for reason, count in summary.reasons.most_common())
        why = "; ".join(filter(None, [reasons, f"{earlier:,} by earlier runs" if earlier else ""]))
        where = f"in {job.rejects.path}" if job.rejects else "the first of them:"
        show.print_note(f"{counted(rejected, 'document')} rejected ({why}); {where}")
        for file, position, reason in () if job.rejects else summary.examples:
            show.print_note(f"{file} at byte {position}: {reason}")
    if summary.failed:
        show.print_note(
            f"{counted(len(summary.failed), 'file')} could not be read to the end; the next run tries again"
        )
    if summary.is_interrupted and job.checkpoint:
        without = ", without --from-start," if from_start else ""
        show.print_note(f"interrupted; all so far is kept in {job.checkpoint.path}. The same command{without} goes on")
    elif summary.is_interrupted:
        show.print_note("interrupted")


def _rejected(job: Replay) -> int:
    """Also by the runs that this one went on from."""
    return job.checkpoint.rejected if job.checkpoint else job.summary.counts["rejected"]
