"""`python -m worker.cli`: the same as `email-activity`, where the package is not installed."""

from worker.cli.main import main

if __name__ == "__main__":
    main(prog_name="email-activity")
