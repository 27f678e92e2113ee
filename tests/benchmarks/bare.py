"""The worker's job without Celery: this process's threads, each receive -> pipeline -> settle for ever.

What the threads do is the poller's own work, with no bound, no slots and nobody to hand over polls.

    python -m benchmarks.bare    # settings come from the environment, as the worker's do
"""

import math

from benchmarks.threads import in_threads

from config.logging import configure_logging
from config.settings import load_settings
from worker.poller import Poller


def main() -> None:
    settings = load_settings()
    configure_logging(settings)
    in_threads(settings.threads_per_process, Poller(settings, stopping=lambda: False)._work(math.inf))


if __name__ == "__main__":
    main()
