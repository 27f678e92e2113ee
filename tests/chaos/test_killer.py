"""A message that kills its process each time takes no other to the dead-letter queue with it."""

import json

from killer import KILLS

from email_activity.ingest.queue import SUSPECT_FROM_RECEIVE
from events import Email, raw
from harness import Site, eventually

#: Receives after which SQS moves a message: the first two with all others in hand, and two alone. Two more, since what
#: another thread of the process has received meanwhile loses a receive with it, too.
MOST_RECEIVES = SUSPECT_FROM_RECEIVE + 3

#: Seconds. Longer than Site's lease of five.
VISIBILITY = 6


def test_what_kills_its_process_goes_to_the_dead_letters_alone(site: Site) -> None:
    redrive = json.loads(
        site.cloud.sqs.get_queue_attributes(QueueUrl=site.made.queue_url, AttributeNames=["RedrivePolicy"])[
            "Attributes"
        ]["RedrivePolicy"]
    )
    policy = json.dumps(redrive | {"maxReceiveCount": MOST_RECEIVES})
    attributes = {"VisibilityTimeout": str(VISIBILITY), "RedrivePolicy": policy}
    site.cloud.sqs.set_queue_attributes(QueueUrl=site.made.queue_url, Attributes=attributes)
    emails = [Email() for _ in range(9)]
    bodies = [raw(email.send()) for email in emails]
    bodies.insert(5, json.dumps({"eventType": KILLS}))
    site.send(bodies)  # one receive has room for them all
    with site.worker("--concurrency", "1", app="killer"):
        site.drained(within=180)
    dead = eventually(site.dead_letters)
    assert [json.loads(body)["eventType"] for body, _ in dead] == [KILLS]
    recorded = {pk for pk, _ in site.items()}
    assert recorded == {f"EMAIL#{email.message_id}" for email in emails}
