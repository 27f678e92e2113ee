"""`email-activity`. A command's module is imported only when it is called, so that help, `parse` and `explain` answer
at once.
"""

import errno
import json
from difflib import get_close_matches
from importlib import import_module
from typing import Any

import click

from email_activity import __version__
from email_activity.domain.printable import printable

#: Columns of help, however wide the terminal.
MAX_WIDTH = 80

#: Name: where it is in this package, and what the list of commands says of it (so that the list needs no imports).
COMMANDS = {
    "provision": ("provision:provision", "Make the infrastructure on AWS, or delete it."),
    "status": ("emails:status", "What became of an email, for each recipient."),
    "timeline": ("emails:timeline", "Everything that happened to an email, in order."),
    "document": ("emails:document", "What became of a document, for instance an invoice."),
    "recipient": ("emails:recipient", "Whether to send to an address, and the emails to it."),
    "account": ("emails:account", "The emails of an account: of the last week, a day, any span."),
    "failures": ("failures:failures", "What did not arrive: to whom, why, and what to do."),
    "stuck": ("failures:stuck", "Emails of an account that nothing was heard of since."),
    "report": ("report:report", "An account's emails counted, as one HTML file."),
    "assign": ("assign:assign", "Say which document an email is about."),
    "export": ("forget:export", "All that is stored of a person, as JSON."),
    "forget": ("forget:forget", "Erase a person for good, and keep them from coming back."),
    "web": ("web:web", "A page for people and the JSON API for your product: what these commands tell."),
    "parse": ("parse:parse", "What the worker would make of messages, touching nothing."),
    "replay": ("replay:replay", "Send archived notifications to the events queue again."),
    "dlq": ("dlq:dlq", "The dead-letter queue: list, show, redrive, discard."),
    "explain": ("explain:explain", "What each event means, and every word on a screen."),
    "doctor": ("doctor:doctor", "Look at the whole deployment, and say what to do."),
    "config": ("local:config", "The settings in force, passwords hidden."),
    "health": ("local:health", "Whether the worker on this machine polls: for a container's check."),
    "version": ("main:version", "The version of this program."),
}

HELP = """What became of every email that Amazon SES sent for you: per document, per recipient.

\b
Examples:
  email-activity document invoice 2026/117
  email-activity status EMAIL_ID
  email-activity account 4711 --status not_delivered
  email-activity parse message.json

Results go to standard output, everything else to standard error. Exit codes: 0 found or done; 1 nothing found, or
failed; 2 wrong usage or settings; 130 after Ctrl-C, 143 after SIGTERM.
"""


class Commands(click.Group):
    """Imports late, and turns every failure into one line."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002  click's signature
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        if cmd_name not in COMMANDS:
            return None
        module, _, name = COMMANDS[cmd_name][0].partition(":")
        command = getattr(import_module(f"email_activity.cli.{module}"), name)
        return command if isinstance(command, click.Command) else None

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        name = args[0]
        if name[:1].isalnum() and name not in COMMANDS and not ctx.resilient_parsing:
            near = get_close_matches(name.lower(), COMMANDS)
            hint = f" Did you mean {' or '.join(near)}?" if near else " See email-activity --help."
            ctx.fail(f"No such command '{printable(name)}'.{hint}")
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        with formatter.section("Commands"):
            formatter.write_dl([(name, help_) for name, (_, help_) in COMMANDS.items()])

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except (click.ClickException, click.exceptions.Exit, click.Abort):
            raise
        except KeyboardInterrupt:
            from email_activity.cli.interrupt import BY_CTRL_C  # noqa: PLC0415  only a Ctrl-C needs it

            raise SystemExit(BY_CTRL_C) from None
        except Exception as error:
            if isinstance(error, OSError) and error.errno == errno.EPIPE:
                raise  # `| head` has enough: click ends quietly
            from email_activity.cli import errors  # noqa: PLC0415  imports rich, which only a failure needs here

            raise errors.Failure(error) from None


@click.group(
    cls=Commands, help=HELP, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": MAX_WIDTH}
)
@click.version_option(__version__, message="email-activity %(version)s")
def main() -> None:
    pass


@click.command()
@click.option("--json", "as_json", is_flag=True, help="One JSON object: version.")
def version(*, as_json: bool) -> None:
    """The version of this program."""
    click.echo(json.dumps({"version": __version__}) if as_json else f"email-activity {__version__}")
