"""Once a person is forgotten no item holds their address, and everybody else's items are what they were."""

import json
from datetime import UTC, datetime
from urllib.parse import quote, unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from email_activity.activity.engagement import judge
from email_activity.activity.erasure import changes, kind_of_fact, names_person, recipient_of
from email_activity.domain.addresses import normalize_address
from email_activity.domain.facts import Activity
from email_activity.domain.keys import canonical_json
from email_activity.domain.mentions import ERASED, names, without
from email_activity.domain.tombstones import PersonKey
from email_activity.ingest.tombstones import Forgotten
from email_activity.ses.interpret import interpret
from events import ANA, APPLE_PREFETCH, BEN, BROWSER, GMAIL_PROXY, Email, raw
from mailboxes import JON, SPELLINGS_OF_JON
from reading import EVERYTHING, NOW, content_of, items_of
from strategies import SENT, awkward_texts, copies, json_values, spell_address, stories

#: Ways in which a text names somebody: a server's words, a link, a return path, JSON in a text.
WAYS = (
    "550 5.1.1 <{}>... User unknown",
    "smtp; 550 {}: mailbox full, see https://x.example",
    "{}",
    "Ana Smith <{}>, Ben <ben@example.org>",
    "https://pay.example/?to={}&x=1",
    "rfc822;{}",
    '{{"cc": ["Ana <{}>"], "n": 1}}',
)

#: Ways of writing the address within these.
SPELLED = (
    lambda address: address,
    str.upper,
    str.title,
    quote,
    lambda address: quote(quote(address)),
    lambda address: address.replace("@", "\uff20"),
)

mentions = st.one_of(
    st.builds(lambda way, spelled: way.format(spelled(ANA)), st.sampled_from(WAYS), st.sampled_from(SPELLED)),
    st.builds("bounces+12-{}@sender.example".format, st.just(ANA.replace("@", "="))),
    st.builds(spell_address, st.just(ANA), st.integers(0, 4)),
)


def is_ana(address):
    return address == ANA


def holds_ana(item):
    """Told without what is tested: as a text, decoded and folded."""
    text = unquote(unquote(canonical_json(item))).casefold().replace("\uff20", "@")
    return ANA in text or ANA.replace("@", "=") in text


def remaining(items, is_person=is_ana, destinations=()):
    after = dict(items)
    for key, item in changes(items.values(), is_person, destinations).items():
        del after[key]
        if item:
            after[item["pk"], item["sk"]] = item
    return after


@given(stories(), st.lists(copies, min_size=7, max_size=7), st.lists(mentions, max_size=4), st.data())
def test_whatever_named_the_person_no_item_does_afterwards(story, ways, texts, data):
    items = items_of([way.body(event) for way, event in zip(ways, story, strict=False)], EVERYTHING)
    for text in texts:
        item = data.draw(st.sampled_from(list(items.values())))
        place = data.draw(st.sampled_from(["subject", "sender", "unknown", "tags", "detail", "more"]))
        item[place] = {"any": [{text: text}]} if place in ("tags", "detail") else text
    after = remaining(items)
    assert not [item for item in after.values() if holds_ana(item) or names_person(item, is_ana)]
    assert remaining(after) == after
    # The old key is made from what goes, so it would let that be guessed.
    assert not after.keys() & changes(items.values(), is_ana).keys()


@given(stories())
def test_everybody_elses_items_stay_as_they_are(story):
    items = items_of(map(raw, story), EVERYTHING)
    after = remaining(items)
    others = {key: item for key, item in items.items() if recipient_of(item) not in (None, ANA)}
    has_others = any(kind_of_fact(item) == "RECIPIENT" for item in others.values())
    assert {key: item for key, item in after.items() if recipient_of(item)} == (others if has_others else {})
    anonymous = [item for item in after.values() if recipient_of(item) is None]
    if any(kind_of_fact(item) == "RECIPIENT" and recipient_of(item) == ANA for item in items.values()):
        assert not [item for item in anonymous if "ip_address" in item.get("detail", {})]
    assert len({item["event_id"] for item in anonymous}) == len(anonymous)


BOTH = Email(to=(ANA, BEN))


@pytest.mark.parametrize(
    ("event", "stays"),
    [
        (BOTH.delivery([ANA]), 0),
        (BOTH.delivery([BEN]), 1),
        (BOTH.send(), 1),  # of both, so it is Ben's too
        (BOTH.open(), 0),  # it may tell of whoever opened
        (BOTH.open(APPLE_PREFETCH), 0),
    ],
)
def test_the_unknown_of_an_event_goes_with_it_or_with_whose_it_was(event, stays):
    after = remaining(items_of([raw(event | {"new": "field"}), raw(BOTH.send())]))
    assert [kind_of_fact(item) for item in after.values()].count("EXTRA") == stays


@pytest.mark.parametrize(
    ("agent", "kept"), [(BROWSER, None), (APPLE_PREFETCH, APPLE_PREFETCH), (GMAIL_PROXY, GMAIL_PROXY)]
)
def test_of_an_event_that_names_nobody_the_verdict_stays_but_not_whose_it_was(agent, kept):
    before = items_of([raw(BOTH.send()), raw(BOTH.open(agent))])
    (old,) = [item for item in before.values() if item.get("kind") == "Open"]
    (new,) = [item for item in remaining(before).values() if item.get("kind") == "Open"]
    assert ("ip_address" in new["detail"], new["detail"].get("user_agent")) == (False, kept)
    (was,), (is_now,) = (judge([Activity.from_item(item)]).values() for item in (old, new))
    assert (was.class_ == is_now.class_) or kept is None
    assert old["event_id"] not in canonical_json(new)  # a hash of ip and agent, which could be guessed


@given(
    stories(),
    st.sampled_from([(BEN,), (ANA, BEN)]),
    st.sampled_from([BROWSER, APPLE_PREFETCH, None]),
    st.sampled_from(["https://pay.example/?to={}", "https://x.example/?next=https%3A%2F%2Fpay.example%2F%3Fto%3D{}"]),
)
def test_what_is_kept_is_the_same_whoever_was_forgotten(story, to, agent, link):
    """So no key, id or text in it is made of who it was: nobody can try addresses on it."""
    email = Email(to=to, message_id="m-1", sent_at=SENT)
    click = email.click(link.format(quote(ANA)), agent) | {"new": 1}
    bodies = [raw(event) for event in (*story, click, email.send())]
    forgotten = [
        content_of(
            remaining(
                items_of([body.replace(quote(ANA), quote(who)).replace(ANA, who) for body in bodies], EVERYTHING),
                lambda address, who=who: address == who,
            )
        )
        for who in (ANA, "eva@example.com")
    ]
    assert forgotten[0] == forgotten[1]


@pytest.mark.parametrize("other", ["o'ana@example.com", "r&ana@example.com", "sales/ana@example.com", f"to={ANA}"])
def test_whose_address_ends_with_the_persons_keeps_all_that_names_them(other):
    email = Email(to=(other,), sender=f"Us <{other}>" if "/" not in other and "=" not in other else "us@example.com")
    bounce = email.bounce(recipients=[other])
    bounce["bounce"]["bouncedRecipients"][0]["diagnosticCode"] = f"550 5.1.1 <{other}>: unknown"
    items = items_of([raw(email.send()), raw(bounce)])
    assert remaining(items) == items


def test_a_forward_that_bounced_is_nobody_else():
    """All of a sole recipient's mail goes, with the address to which they forwarded it."""
    alone = Email(to=(ANA,))
    assert remaining(items_of([raw(alone.send()), raw(alone.bounce(recipients=[BEN]))])) == {}
    assert len(remaining(items_of([raw(alone.bounce(recipients=[BEN]))]), lambda each: each == BEN)) == 1


@given(stories())
def test_what_comes_later_comes_to_what_is_left_of_what_came_before(story):
    """So the order of tombstone and event does not matter, nor how often either comes."""
    key = PersonKey("k" * 32)
    forgotten = Forgotten(1, {key.hash(ANA): datetime.max.replace(tzinfo=UTC)}, key)
    later = {}
    for event in story:
        later.update(forgotten.without_people(interpret(raw(event), EVERYTHING, NOW, NOW)).items)
    assert content_of(later) == content_of(remaining(items_of(map(raw, story), EVERYTHING)))


@given(stories(), st.sampled_from(["nobody@example.com", f"x{ANA}", f"{ANA}.org", "an@example.com"]))
def test_who_is_not_named_changes_nothing(story, address):
    items = items_of(map(raw, story), EVERYTHING)
    assert changes(items.values(), lambda each: each == address) == {}


@given(st.recursive(awkward_texts | mentions, lambda inner: st.lists(inner) | st.dictionaries(awkward_texts, inner)))
def test_a_value_of_any_shape_loses_the_address_and_nothing_else_of_its_shape(value):
    after = without(value, is_ana)
    assert not holds_ana(after)
    assert not names(after, is_ana)
    assert type(after) is type(value)


@given(json_values)
def test_a_value_that_names_nobody_is_the_same(value):
    assert without(value, is_ana) == value


@pytest.mark.parametrize("written", [each for each in SPELLINGS_OF_JON if normalize_address(each) == JON])
def test_a_text_that_is_an_address_in_whatever_spelling_goes_as_a_whole(written):
    assert without({"cc": [written]}, lambda each: each == JON) == {"cc": [ERASED]}
    assert without(json.dumps([written]), lambda each: each == JON) == f'["{ERASED}"]'


def test_a_name_that_is_shown_beside_the_address_goes_with_it():
    text = f'to Ana Smith <{ANA}>, "Smith, A." <{ANA.upper()}>; Ben <{BEN}> refused'
    assert without(text, is_ana) == f"{ERASED}, {ERASED}; Ben <{BEN}> refused"


JR = "john.m.q.public.jr@ex.example"
BUECHER = normalize_address("ana@b\u00fccher.example")


@pytest.mark.parametrize(
    ("address", "text", "expected"),
    [
        (JR, "bounces+john.m.q.public.jr=ex.example@sender.example", f"bounces+{ERASED}@sender.example"),
        (JR, "b-1-2_john.m.q.public.jr=40ex.example@sender.example", f"b-1-2_{ERASED}@sender.example"),
        (JR, "b-john.m.q.public.jr+40ex.example@sender.example", f"b-{ERASED}@sender.example"),
        ("a@40.example", "b+a=40.example@sender.example", f"b+{ERASED}@sender.example"),
        (JR, "to john.m.q.public.jr&#64;ex.example now", f"to {ERASED} now"),
        (JR, "to john.m.q.public.jr&#x040;ex.example", f"to {ERASED}"),
        (BUECHER, "https://x.example/?e=ana%40b%C3%BCcher.example&y=1", f"https://x.example/?e={ERASED}&y=1"),
        (ANA, f"https://x.example/{quote(ANA).replace('.', '%2E')}/y", f"https://x.example/{ERASED}/y"),
        (
            ANA,
            f"https://x.example/?next=%2Fu%3Fto%3D{quote(ANA)}%26y",
            f"https://x.example/?next=%2Fu%3Fto%3D{ERASED}%26y",
        ),
        (ANA, f"https://x.example/?next=%252F{quote(quote(ANA))}", f"https://x.example/?next=%252F{ERASED}"),
        (ANA, f"https://x.example/?cc={quote(BEN)}%2C{quote(ANA)}", f"https://x.example/?cc={quote(BEN)}%2C{ERASED}"),
        (ANA, f"https://x.example/?cc={quote(BEN)}+{quote(ANA)}", f"https://x.example/?cc={quote(BEN)}+{ERASED}"),
        (ANA, f"Rechnung an \u201e{ANA}\u201c", f"Rechnung an \u201e{ERASED}\u201c"),
        (ANA, f"\u300c{ANA}\u300d \u2192{ANA}", f"\u300c{ERASED}\u300d \u2192{ERASED}"),
        (ANA, f"refused:\\n{ANA} \\u003c{ANA}\\u003e", f"refused:\\n{ERASED} \\u003c{ERASED}\\u003e"),
        (ANA, ANA.replace("@", "&commat;"), ERASED),
    ],
)
def test_an_address_in_a_return_path_a_link_or_html_goes(address, text, expected):
    after = without(text, lambda each: each == address)
    assert after == expected
    assert names(text, lambda each: each == address)
    assert not names(after, lambda each: each == address)
