"""No message is deleted before its facts are stored, whatever goes wrong meanwhile: the proxy asks the table itself.

SQS fails all along. In the long form each fault of a write stays alone until it has struck; in the short one they take
turns from call to call.
"""

from chaos.faults import (
    Fault,
    duplicate,
    expired_credentials,
    failed,
    friendly_200,
    hang,
    internal_error,
    lost_answer,
    refuse,
    reset,
    slow,
    throttle,
    unavailable,
    unprocessed,
)
from chaos.load import Load, assert_exact, watched_worker, work_until_struck
from harness import Site

#: The slow ones come first: others then meet the claims of what is being written.
OF_WRITES: list[Fault] = [
    slow(0.5),
    unprocessed(0.5),
    throttle(),
    internal_error(),
    reset(),
    lost_answer(),
    friendly_200(),
    hang(2),
    expired_credentials(),
]

#: What else goes wrong at all times, and how often.
ALL_ALONG: list[tuple[str, list[Fault], float]] = [
    ("ReceiveMessage", [duplicate(0.5)], 0.3),
    ("ReceiveMessage", [lost_answer(), reset(), unavailable(), friendly_200()], 0.1),
    ("DeleteMessageBatch", [failed(0.5), lost_answer(), unavailable(), friendly_200()], 0.2),
    ("ChangeMessageVisibilityBatch", [failed(0.5), lost_answer(), friendly_200()], 0.2),
    ("SendMessage", [lost_answer(), friendly_200(), unavailable(), refuse()], 0.3),
]


def test_no_message_goes_before_its_facts_whatever_goes_wrong(site: Site, rounds: int) -> None:
    loads: list[Load] = []
    with watched_worker(site, BATCH_SIZE="20", THREADS_PER_PROCESS="4") as (proxy, _):
        for faults_of_writes in [OF_WRITES] if rounds == 1 else [[fault] for fault in OF_WRITES]:
            proxy.clear()
            proxy.fault("BatchWriteItem", *faults_of_writes, share=0.5)
            for each, faults, share in ALL_ALONG:
                proxy.fault(each, *faults, share=share)
            struck = {fault.name: proxy.injected[fault.name] + 2 * rounds for fault in faults_of_writes}
            work_until_struck(site, proxy, loads, struck)
        work_until_struck(site, proxy, loads, {fault.name: 1 for _, faults, _ in ALL_ALONG for fault in faults})
        proxy.clear()
        site.drained(within=120)
    assert_exact(site, *loads)
