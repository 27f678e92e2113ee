"""`python -m email_activity.cli`: the same as `email-activity`, where the package is not installed."""

from email_activity.cli.start import main

if __name__ == "__main__":
    main()
