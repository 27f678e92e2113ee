"""The rules by which an open or a click is judged: a table, in order. The first that holds decides. Pure.

docs/engagement.md says of each where it comes from and what it cannot tell.
"""

from collections.abc import Sequence
from functools import lru_cache

from email_activity.activity.engagement import signals
from email_activity.activity.engagement.rule import Rule, always
from email_activity.activity.engagement.verdict import is_likely

# fmt: off
RULES = (
    Rule("apple_prefetch", always, "machine", 0.95, "Apple Mail loaded the images by itself, whether read or not.",
         "SocketLabs; Mailgun", kind="Open", agents=("apple_prefetch",)),
    Rule("gmail_prefetch", always, "machine", 0.95, "Gmail loaded the images ahead, whether read or not.",
         "SparkPost; mautic 10245", kind="Open", agents=("gmail_prefetch",)),
    Rule("image_proxy", always, "proxy", 0.9,
         "The mail provider fetched the image, as it does when the email is opened ({agent}).",
         "ScientiaMobile; isbot; Matomo", kind="Open", agents=("image_proxy",)),
    Rule("sweep", lambda visit, email: visit.id in email.swept, "machine", 0.97,
         "Several links within seconds, as scanners take them.",
         "craft-campaign 546; MillionSend 22; Marketo; Twenty", kind="Click", is_relative=True),
    Rule("hammering", lambda visit, email: visit.id in email.hammered, "machine", 0.95,
         "The same link again and again within seconds.", "gophish 1061", kind="Click", is_relative=True),
    Rule("open_of_sweep", signals.opens_before_sweep, "machine", 0.85, "Opened by the scanner that took the links.",
         "craft-campaign 546", kind="Open", is_relative=True),
    Rule("click_of_sweep", signals.near_sweep, "machine", 0.85,
         "Taken by the scanner that took several links within seconds.", "MillionSend 22", kind="Click",
         is_relative=True),
    Rule("same_link_two", lambda visit, email: visit.id in email.doubled, "machine", 0.9,
         "One link, two computers, one second.", "suped-ec2; gophish 2225", kind="Click", is_relative=True),
    Rule("filter_network", lambda visit, _: bool((found := visit.filter) and found.only_filters), "machine", 0.95,
         "From a network that only filters mail ({network}).",
         "Microsoft's and Barracuda's lists, as Warmbly reads them"),
    Rule("gateway_early", lambda visit, _: visit.is_early and visit.filter is not None, "machine", 0.8,
         "From a mail security service ({network}), soon after the delivery.", "Warmbly", is_timed=True),
    Rule("machine_agent", signals.names_itself, "machine", 0.95, "The software names itself: {agent}.",
         "crawler-user-agents; Matomo", agents=("robot", "library")),
    Rule("no_agent_early", lambda visit, _: visit.is_early, "machine", 0.7,
         "No browser and no mail program says nothing of itself, and it came soon after the delivery.",
         "Warmbly; emailengine", is_timed=True, agents=("none",)),
    Rule("no_agent", always, "unknown", 0.5, "What loaded it says nothing of itself.", "Warmbly; emailengine",
         agents=("none",)),
    Rule("prefetch_click", always, "machine", 0.7, "No browser says only that of itself.", "SocketLabs", kind="Click",
         agents=("apple_prefetch", "gmail_prefetch")),
    Rule("before_delivery", signals.before_delivery, "machine", 0.95, "It came before the email was delivered.",
         "gophish 2446"),
    Rule("two_systems", signals.two_systems, "machine", 0.8, "One address, two operating systems, seconds apart.",
         "warmbly 410", is_timed=True, agents=("browser",), is_relative=True),
    Rule("instant_click", signals.instant_click, "machine", 0.8, "Sooner after the delivery than a hand can click.",
         "Mautic; gophish 1555; mailcoach 301", is_timed=True, kind="Click"),
    Rule("many_recipients", lambda visit, email: visit.id in email.many_recipients, "machine", 0.85,
         "One computer at many recipients' mail at once.", "SendGrid; jericho"),
    Rule("ses_likely", signals.ses_likely, "machine", 0.9, "SES takes it for automatic.", "AWS"),
    Rule("ses_likely_reader", lambda visit, _: is_likely(visit.ses), "unknown", 0.5,
         "SES takes it for automatic, but it looks like a person's program or place.", "AWS"),
    Rule("second_network", signals.second_network, "unknown", 0.5,
         "A second computer took the same link seconds later.", "resend 901", kind="Click", is_relative=True),
    Rule("sweeper_later", signals.is_sweeper, "unknown", 0.5,
         "The computer is that of a scanner, long after it took the links.", "MillionSend 22", is_relative=True),
    Rule("reader_agent", always, "person", 0.85, "In a program for people: {agent}.", "uap-core; Matomo",
         agents=("reader",)),
    Rule("back", signals.back, "person", 0.85, "The same computer came back later.", "MillionSend 22",
         agents=("browser", "library", "other"), is_relative=True),
    Rule("later", signals.later, "person", 0.75, "An ordinary browser, well after the delivery.",
         "metacompliance; jericho", is_timed=True, agents=("browser",)),
    Rule("read_then_click", signals.read_then_clicked, "person", 0.65, "Opened and then clicked on one computer.",
         "warmbly 412", agents=("browser",), is_relative=True),
    Rule("early_alone", always, "unknown", 0.5, "Nothing tells whether a person or a scanner did it.",
         "jericho; anymail 200"),
)
# fmt: on


@lru_cache(maxsize=64)
def rules_for(kind: str, agent: str, *, is_alone: bool) -> Sequence[Rule]:
    """Those that may hold: few, so that a day of thousands of emails is judged quickly. kind: Open or Click."""
    return [rule for rule in RULES[:-1] if rule.may_hold(kind, agent, is_alone=is_alone)]
