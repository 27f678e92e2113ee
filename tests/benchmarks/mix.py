"""The mail of a product, as SES reports it: what every benchmark works on.

Of twenty emails there are 20 Sends, 20 Deliveries, 12 Opens, 4 Clicks and one other event, that is 2.85 events an
email; half of them in SNS envelopes; 3 % come twice. Bodies are as long as real ones: SES copies all headers and tags
of the email into every event. Made from a seed, but for the ids and times, which must be new in each run.
"""

import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from itertools import islice

from events import BROWSER, GMAIL_PROXY, Email, Event, minutes_ago, raw, sns

#: Events of twenty emails, beside a Send and a Delivery of each.
EMAILS = 20
OPENS = 12
CLICKS = 4

#: What the one other event is, in turn.
OTHERS: Sequence[Callable[[Email], Event]] = (
    Email.bounce,
    Email.delay,
    Email.out_of_office,
    Email.complaint,
    Email.subscription,
    Email.reject,
    Email.rendering_failure,
)

#: Of the events: those that come a second time.
DUPLICATES = 0.03

#: Messages after the first copy within which the second comes.
SOON = 2_000

#: Messages after an email's Send within which its other events come, in a queue that gets a thousand a second: a
#: Delivery after some seconds, the others later. (Later still, in life: hours. But all must be in one run.)
SENDS_OVER = 200
DELIVERY = (500, 3_000)
LATER = (2_000, 15_000)

#: Emails of one customer of the product.
EMAILS_OF_AN_ACCOUNT = 50

#: What a mailer and SES add; all of it comes back in `mail.headers`.
HEADERS = {
    "Reply-To": "billing@sender.example",
    "MIME-Version": "1.0",
    "Content-Type": 'multipart/mixed; boundary="=_4f1c8a7be2d04c0d9a"',
    "List-Unsubscribe": "<https://sender.example/unsubscribe/8f14e45f-ceea-467f>, <mailto:unsubscribe@sender.example>",
    "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
    "Feedback-ID": "invoices:acme:sender",
    "X-Mailer": "Sender Billing 7.3",
    "X-Entity-Ref-ID": "c9f0f895-fb98-4b91-8d9d-5f2c0d7e6a11",
    "Auto-Submitted": "auto-generated",
}
TAGS = {
    "ses:source-tls-version": "TLSv1.3",
    "ses:operation": "SendRawEmail",
    "ses:source-ip": "192.0.2.10",
    "ses:caller-identity": "billing-service",
}


@dataclass(frozen=True, slots=True, eq=False)
class Mix:
    """bodies: of SQS messages, in the order of the queue. events: how many SES reported; the rest are copies."""

    bodies: Sequence[str]
    events: int

    @classmethod
    def make(cls, events: int, seed: int = 0) -> "Mix":
        chance = random.Random(seed)
        places = list(islice(_placed(chance), events))
        again = chance.sample(places, round(events * DUPLICATES))
        places += [(place + chance.uniform(0, SOON), body) for place, body in again]
        places.sort(key=lambda each: each[0])
        return cls([body for _, body in places], events)


def _placed(chance: random.Random) -> Iterator[tuple[float, str]]:
    """Each message with its place in the queue."""
    number = 0
    while True:
        emails = [_email(chance, number + each) for each in range(EMAILS)]
        told = [(email.send(), (0, SENDS_OVER)) for email in emails]
        told += [(email.delivery(at=email.after(2)), DELIVERY) for email in emails]
        told += [(email.open(GMAIL_PROXY if chance.random() < 0.3 else BROWSER), LATER) for email in emails[:OPENS]]
        told += [(email.click(f"https://pay.sender.example/i/{email.document_id}"), LATER) for email in emails[:CLICKS]]
        told.append((OTHERS[number // EMAILS % len(OTHERS)](emails[-1]), DELIVERY))
        for event, after in told:
            place = number / EMAILS * len(told) + chance.uniform(*after)
            yield place, sns(event) if chance.random() < 0.5 else raw(event)
        number += EMAILS


def _email(chance: random.Random, number: int) -> Email:
    address = f"{chance.choice(NAMES)}.{number}@client-{number % 997}.example"
    return Email(
        to=(address,),
        document_id=f"2026-{number:07}",
        account=f"acc-{number // EMAILS_OF_AN_ACCOUNT:06}",
        sent_at=minutes_ago(30) + timedelta(milliseconds=number % 60_000),
        sender="Sender Billing <billing@sender.example>",
        subject=f"Invoice 2026-{number:07} of Sender GmbH",
        tags=TAGS,
        headers={**HEADERS, "Date": "Wed, 25 Nov 2026 10:49:00 +0000", "Message-ID": f"<{number:x}.billing@s.example>"},
    )


NAMES = ("ana.pereira", "b.schmidt", "claudia", "dmitri.volkov", "accounts", "e.j.thompson", "finance", "giulia")
