"""What is not stored where the operator wants less: of an address, of a link, and the subject."""

import pytest
from structlog.testing import capture_logs

from email_activity.ses.minimize import network_of, without_query
from email_activity.ses.tracking_policy import TrackingPolicy
from events import KINDS, OBJECT_KEYS, RECIPIENT_LISTS, Email, Event, raw, sns
from fakesite import FakeSite, message
from reading import read_one

NETWORK = TrackingPolicy(store_full_ip=False)
NO_QUERY = TrackingPolicy(store_link_query=False)
NO_SUBJECT = TrackingPolicy(store_subject=False)
EACH = [NETWORK, NO_QUERY, NO_SUBJECT]


def clicked(policy: TrackingPolicy | None = None, **fields: object) -> dict:
    event = Email().click()
    (activity,) = read_one(raw({**event, "click": event["click"] | fields}), policy).activities
    return dict(activity.detail)


@pytest.mark.parametrize(
    ("ip", "kept"),
    [
        ("198.51.100.7", "198.51.100.0/24"),
        (" 198.51.100.255\n", "198.51.100.0/24"),
        ("2001:DB8:1:2:3:4:5:6", "2001:db8:1::/48"),
        ("fe80::1%eth0", "fe80::/48"),
        ("::1", "::/48"),
        # IPv4 behind ::ffff:, and in the first 48 bits of 6to4 (RFC 3056).
        ("::ffff:198.51.100.7", "198.51.100.0/24"),
        ("2002:c633:6407::1", "198.51.100.0/24"),
        *((odd, None) for odd in ("198.51.100.7:443", "198.51.100.7, 10.0.0.1", "198.51.100.7/32", "3325256711", "")),
    ],
)
def test_of_an_address_its_network_is_kept_and_nothing_of_what_is_none(ip: str, kept: str | None) -> None:
    assert network_of(ip) == kept
    assert clicked(NETWORK, ipAddress=ip).get("ip_address") == kept


@pytest.mark.parametrize(
    ("link", "kept"),
    [
        ("https://pay.example/117", "https://pay.example/117"),
        ("https://pay.example/117?for=ana#top", "https://pay.example/117"),
        ("https://ana:secret@pay.example:8443/117;x", "https://pay.example:8443/117;x"),
        ("https://a@b@pay.example#@", "https://pay.example"),
        (" ht\ntps://ana@pay.example/?\tana ", "https://pay.example/"),
        *((odd, None) for odd in ("https:ana@pay.example", "https:///ana@pay.example", "https:\\\\ana@pay.example")),
        *(
            (f"https://ana:{odd}", None)
            for odd in ("se#cret@pay.example", "se?cret@pay.example", "se/cret@pay.example")
        ),
        ("https://ana%3Asecret%40pay.example/117", None),
        *((odd, None) for odd in ("mailto:ana@example.com", "https://[ana", "?ana", "")),
    ],
)
def test_of_a_link_scheme_host_and_path_are_kept_and_nothing_of_what_is_none(link: str, kept: str | None) -> None:
    assert without_query(link) == kept
    assert clicked(NO_QUERY, link=link).get("link") == kept


def test_each_setting_takes_what_it_names_and_nothing_else() -> None:
    fields = {"link": "https://pay.example/?a", "ipAddress": "198.51.100.7"}
    whole = clicked(**fields)
    assert clicked(NETWORK, **fields) == whole | {"ip_address": "198.51.100.0/24"}
    assert clicked(NO_QUERY, **fields) == whole | {"link": "https://pay.example/"}
    assert clicked(NO_SUBJECT, **fields) == whole


@pytest.mark.parametrize("policy", EACH)
@pytest.mark.parametrize("kind", KINDS)
def test_unknown_fields_go_since_nobody_can_tell_what_is_in_them(kind: str, policy: TrackingPolicy) -> None:
    event = KINDS[kind](Email())
    body = event[OBJECT_KEYS[kind]]
    for part in (event, event["mail"], event["mail"]["tags"], body):
        part["new"] = [{"new": 1}]
    for named in body.get(RECIPIENT_LISTS.get(kind), ()):
        if isinstance(named, dict):
            named["new"] = 1
    whole, stored = read_one(raw(event)), read_one(raw(event), policy)
    assert (len(whole.extras), stored.extras) == (1, ())
    assert len(stored.activities) == len(whole.activities) == 1
    assert stored.recipient_facts == whole.recipient_facts


def test_an_event_is_known_by_what_is_stored_of_it() -> None:
    """An id of more would be a hash to try the 256 addresses of a network on."""
    email = Email()

    def id_of(ip: str, link: str) -> str:
        event = email.click(link)
        event["click"]["ipAddress"] = ip
        policy = TrackingPolicy(store_full_ip=False, store_link_query=False)
        return read_one(raw(event), policy).activities[0].event_id

    known = id_of("198.51.100.7", "https://pay.example/?a=1")
    assert known == id_of("198.51.100.8", "https://ana@pay.example/?a=2#b")
    assert known != id_of("198.51.101.7", "https://pay.example/?a=1")
    assert known != id_of("198.51.100.7", "https://pay.example/2?a=1")


@pytest.mark.parametrize("policy", [NETWORK, NO_QUERY])
def test_where_preferences_were_changed_is_kept_as_a_word_only(policy: TrackingPolicy) -> None:
    def source(text: str, policy: TrackingPolicy) -> object:
        event = Email().subscription()
        event["subscription"]["source"] = text
        return read_one(raw(event), policy).activities[0].detail.get("source")

    for text in ("198.51.100.7", "https://lists.example/?for=ana"):
        assert (source(text, policy), source(text, NO_SUBJECT)) == (None, text)
    assert source("UnsubscribeHeader", policy) == "UnsubscribeHeader"


@pytest.mark.parametrize("policy", EACH)
def test_of_preferences_all_that_is_documented_stays_and_nothing_else(policy: TrackingPolicy) -> None:
    documented = {
        "unsubscribeAll": False,
        "topicSubscriptionStatus": [{"topicName": "news", "subscriptionStatus": "OptOut"}],
        "topicDefaultSubscriptionStatus": [{"topicName": "news", "subscriptionStatus": "OptIn"}],
    }
    event = Email().subscription()
    (topic,) = documented["topicSubscriptionStatus"]  # type: ignore[misc]
    event["subscription"] |= {
        "newTopicPreferences": {**documented, "by": "x", "topicSubscriptionStatus": [topic | {"by": "x"}]},
        "oldTopicPreferences": documented,
    }
    (stored,) = read_one(raw(event), policy).activities
    assert stored.detail["new_topic_preferences"] == stored.detail["old_topic_preferences"] == documented


def test_servers_addresses_stay_and_the_callers_is_never_stored() -> None:
    tags = {"ses:outgoing-ip": "192.0.2.9", "ses:source-ip": "192.0.2.10", "SES:Source-IP": "192.0.2.10"}
    (activity,) = read_one(raw(Email(tags=tags).delivery()), NETWORK).activities
    assert (activity.detail["remote_mta_ip"], activity.tags) == ("192.0.2.44", {"ses:outgoing-ip": ["192.0.2.9"]})


def test_the_document_is_found_in_headers_where_the_subject_is_not_stored() -> None:
    event = Email(tags=None).send()
    event["mail"]["headers"].append({"name": "SUBJECT", "value": "secret"})
    reading = read_one(raw(event), NO_SUBJECT)
    assert reading.activities[0].subject is None
    (fact,) = reading.recipient_facts
    assert (fact.document, fact.account) != (None, None)


@pytest.mark.parametrize(
    ("name", "secrets"),
    [
        ("STORE_SUBJECT", ("secret subject",)),
        ("STORE_FULL_IP", ("198.51.100.7",)),
        ("STORE_LINK_QUERY", ("secret-query", "secret-fragment", "secret-user")),
    ],
)
def test_the_table_holds_nothing_of_it(monkeypatch: pytest.MonkeyPatch, name: str, secrets: tuple[str, ...]) -> None:
    """From the environment to the items that the worker writes."""
    link = "https://secret-user:x@pay.example/?secret-query#secret-fragment"

    def stored(setting: str) -> str:
        monkeypatch.setenv(name, setting)
        site = FakeSite()
        email = Email(subject="secret subject", tags={"ses:source-ip": "198.51.100.7"})
        events: list[Event] = [make(email) for make in KINDS.values()] + [email.click(link)]
        with capture_logs():
            site.pipeline().process([message(sns(event), handle=str(n)) for n, event in enumerate(events)])
        assert len(site.dynamodb.facts) == len(events) + 1
        return str(site.dynamodb.items)

    assert [secret in stored("true") for secret in secrets] == [True] * len(secrets)
    assert [secret in stored("false") for secret in secrets] == [False] * len(secrets)
