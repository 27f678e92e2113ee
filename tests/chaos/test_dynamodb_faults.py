"""DynamoDB in trouble: the queue keeps the messages, the worker recovers by itself, and the table ends up exact."""

import time

from chaos.faults import (
    Fault,
    expired_credentials,
    friendly_200,
    hang,
    internal_error,
    lost_answer,
    refuse,
    reset,
    throttle,
    unprocessed,
)
from chaos.load import Load, assert_exact, side_by_side, watched_worker, work_until_struck
from harness import Site, eventually

#: Of Site's workers.
PROCESSES = 2

#: Seconds after which every process has learnt of an outage, even one that was idle: the breaker's ANSWER_LASTS, a
#: receive that was under way, and some more.
KNOWN_TO_ALL = 8

#: Ways for DynamoDB to be away, and the calls that meet them.
AWAY: dict[str, tuple[Fault, tuple[str, ...]]] = {
    "down": (refuse(), ("dynamodb",)),
    "behind a proxy that says 200": (friendly_200(), ("dynamodb",)),
    "closed to expired credentials": (expired_credentials(), ("dynamodb",)),
    "throttled": (throttle(), ("BatchWriteItem", "PutItem")),
    "silent": (hang(60), ("dynamodb",)),
}

#: In `make test`; the others are for the long form.
SHORT_WAYS = ("down", "throttled")


def test_a_third_of_the_writes_fail_and_the_table_is_exact(site: Site, rounds: int) -> None:
    loads = [Load.make(100 * rounds)]
    failures = [throttle(), internal_error(), reset(), lost_answer(), unprocessed(0.5)]
    with watched_worker(site, BATCH_SIZE="10") as (proxy, worker):
        proxy.fault("BatchWriteItem", *failures, share=0.3)
        site.publish(loads[0].bodies)
        site.send(list(loads[0].dead))
        work_until_struck(site, proxy, loads, {fault.name: rounds for fault in failures})
        if rounds == 1:
            proxy.clear()  # the backoff of the last messages would take long
        site.drained(within=120 * rounds)
        assert worker.log.read_text().count('"dependency_failing"') <= 2 * rounds * PROCESSES
    assert_exact(site, *loads)


def test_the_table_is_away_for_a_while(site: Site, rounds: int) -> None:
    """That costs no message more than one receive, and the log one line for each process; once it is known, nothing
    is received.
    """

    def outage(site: Site, way: str) -> None:
        fault, operations = AWAY[way]
        before, meanwhile, later = (Load.make(40 * rounds, seed=seed) for seed in (2, 3, 4))
        with watched_worker(site) as (proxy, worker):
            site.send(before.everything)
            eventually(lambda: proxy.calls["DeleteMessageBatch"])
            known = proxy.receives
            for operation in operations:
                proxy.fault(operation, fault)
            site.send(meanwhile.everything)
            time.sleep(max(KNOWN_TO_ALL, 5 * rounds))
            climbed = {message: count - known.get(message, 0) for message, count in proxy.receives.items()}
            assert max(climbed.values()) <= 1, way
            site.send(later.everything)
            time.sleep(2)
            assert proxy.receives.keys() == climbed.keys(), way
            assert not worker.said('"dependency_back"'), way
            proxy.clear()
            site.drained(within=120)
            assert worker.log.read_text().count('"dependency_failing"') <= PROCESSES, way
        assert_exact(site, before, meanwhile, later)

    side_by_side(outage, AWAY if rounds > 1 else SHORT_WAYS, site)
