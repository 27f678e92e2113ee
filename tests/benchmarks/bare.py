"""The worker's job without Celery: this process's threads, each receive -> pipeline -> settle for ever.

What the threads do is the poller's own work, with no bound, no slots and nobody to hand over polls.

    python -m benchmarks.bare    # settings come from the environment, as the worker's do
"""

import math

from email_activity.hosting.logs import configure_logging
from email_activity.ingest.poller import Poller
from email_activity.settings import load_settings


def main() -> None:
    settings = load_settings()
    configure_logging(settings)
    poller = Poller(settings, stopping=lambda: False)
    poller._run_threads(poller._components.pipeline(), math.inf)


if __name__ == "__main__":
    main()
