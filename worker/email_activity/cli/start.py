"""Where the program begins: signals are minded before anything slow is imported."""

from email_activity.cli.interrupt import leave_on_signals


def main() -> None:
    leave_on_signals()
    from email_activity.cli.main import main as run  # noqa: PLC0415  see above

    run(prog_name="email-activity")
