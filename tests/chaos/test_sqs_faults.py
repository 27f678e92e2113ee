"""SQS in trouble: what is received, settled or quarantined twice does no harm, and what was not comes again."""

import time

from chaos.faults import (
    Fault,
    denied,
    duplicate,
    expired_credentials,
    failed,
    friendly_200,
    internal_error,
    lost_answer,
    refuse,
    reset,
    unavailable,
)
from chaos.load import Load, assert_exact, side_by_side, watched_worker, work_until_struck
from harness import Site, eventually

#: Of Site's workers.
PROCESSES = 2

#: Ways for SQS to be away; all of them only in the long form.
AWAY: dict[str, Fault] = {
    "down": refuse(),
    "behind a proxy that says 200": friendly_200(),
    "closed to expired credentials": expired_credentials(),
}


def test_a_tenth_of_all_calls_fail_and_batches_fail_in_part(site: Site, rounds: int) -> None:
    loads = [Load.make(100 * rounds)]
    in_part = {
        "DeleteMessageBatch": failed(0.5),
        "ChangeMessageVisibilityBatch": failed(0.5),
        "ReceiveMessage": duplicate(0.5),
    }
    failures = [unavailable(), internal_error(), reset(), lost_answer(), expired_credentials()]
    with watched_worker(site, BATCH_SIZE="10") as (proxy, _):
        for operation, fault in in_part.items():
            proxy.fault(operation, fault, share=0.2)
        proxy.fault("sqs", *failures, share=0.1)
        site.publish(loads[0].bodies)
        site.send(list(loads[0].dead))
        work_until_struck(site, proxy, loads, {fault.name: rounds for fault in (*in_part.values(), *failures)})
        if rounds == 1:
            proxy.clear()  # the backoff of the last messages would take long
        site.drained(within=120 * rounds)
    assert_exact(site, *loads)


def test_answers_to_receives_and_deletes_are_lost(site: Site, rounds: int) -> None:
    """What a lost answer held is hidden until its visibility ends; what was deleted unheard stays deleted."""
    load = Load.make(60 * rounds, seed=2)
    with watched_worker(site, BATCH_SIZE="10") as (proxy, _):
        proxy.fault("ReceiveMessage", lost_answer())
        site.send(load.everything)
        eventually(lambda: proxy.receives)  # by nobody who has heard of it
        proxy.clear()
        proxy.fault("ReceiveMessage", lost_answer(), share=0.3)
        proxy.fault("DeleteMessageBatch", lost_answer(), share=0.5)
        eventually(lambda: proxy.injected["lost_answer"] >= 5 * rounds)
        proxy.clear()
        site.drained(within=120)
        assert max(proxy.receives.values()) > 1
    assert_exact(site, load)


def test_the_dead_letter_queue_takes_nothing_for_a_while(site: Site, rounds: int) -> None:
    """What cannot be read stays in its queue until it is quarantined, and holds up nothing else."""
    load = Load.make(60 * rounds, seed=3)
    with watched_worker(site) as (proxy, worker):
        proxy.fault("SendMessage", denied(), unavailable(), reset())
        site.send(load.everything)
        eventually(lambda: worker.said('"quarantine_failed"'))
        eventually(lambda: site.items() == load.facts)
        eventually(lambda: sum(site.waiting()) == len(load.dead))
        assert not worker.said('"quarantined"')
        proxy.clear()
        site.drained(within=120)
    assert_exact(site, load)


def test_sqs_is_away_for_a_while(site: Site, rounds: int) -> None:
    """The log has a line or two for that, and work goes on by itself."""

    def outage(site: Site, way: str) -> None:
        before, meanwhile = Load.make(30 * rounds, seed=4), Load.make(60 * rounds, seed=5)
        with watched_worker(site) as (proxy, worker):
            site.send(before.everything)
            eventually(lambda: proxy.calls["DeleteMessageBatch"])
            proxy.fault("sqs", AWAY[way])
            site.send(meanwhile.everything)
            time.sleep(5 * rounds)
            proxy.clear()
            site.drained(within=120)
            assert worker.log.read_text().count('"dependency_failing"') <= PROCESSES, way
        assert_exact(site, before, meanwhile)

    side_by_side(outage, AWAY if rounds > 1 else ["down"], site)
