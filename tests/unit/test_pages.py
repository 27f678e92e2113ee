"""The page as people read it: what each question is answered with."""

import re
from datetime import timedelta
from urllib.parse import quote

import pytest

from email_activity.activity.model import Status
from email_activity.activity.words import VERDICTS, WORDS, words
from email_activity.report.render import STYLE as REPORT_STYLE
from email_activity.web.pages import texts
from email_activity.web.pages.look import STYLESHEET
from events import BROWSER, GMAIL_PROXY, Email
from pageclient import OWN_FORM, browser, text_of, title_of
from pagestory import (
    ACCOUNT,
    ANNA,
    ARABIC,
    AWAY,
    BARE,
    BOB,
    BOUNCED_ELSEWHERE,
    FIFTY,
    FIRST,
    LI,
    LINK,
    MACHINE,
    NEWER,
    OPENED,
    RESENT,
    RIGHT_TO_LEFT,
    page_table,
)
from webapi import NOW

DOCUMENT = "/documents/invoice/2026%2F117"


def get(path: str, **settings: str) -> str:
    answer = browser(**settings).get(path)
    assert answer.status_code == 200, answer.text
    return answer.text


def search(text: str, **more: str):
    return browser().post("/search", data={"q": text, **more}, headers=OWN_FORM)


@pytest.mark.parametrize(
    ("typed", "leads_to"),
    [
        ("2026/117", DOCUMENT),
        (" 2026_2F117 ", DOCUMENT),
        ("Invoice 2026/117", DOCUMENT),
        (FIRST.message_id, f"/emails/{FIRST.message_id}"),
        (f"Message-ID: <{FIRST.message_id}@eu-west-1.amazonses.com>", f"/emails/{FIRST.message_id}"),
        (ACCOUNT, f"/accounts/{ACCOUNT}"),
        ("", "/"),
    ],
)
def test_one_box_finds_documents_emails_and_accounts(typed, leads_to):
    answer = search(typed)
    assert (answer.status_code, answer.headers.get("location")) == (303, leads_to)


def test_an_address_is_answered_at_once_so_that_it_stands_in_no_url():
    answer = search("Bob <BOB@example.com>")
    assert answer.status_code == 200
    assert BOB in text_of(answer.text)
    assert "Emails to this address" in answer.text
    assert BOB not in title_of(answer.text)


def test_a_document_shows_each_recipient_failures_first_and_its_emails():
    page = get(DOCUMENT)
    text = text_of(page)
    assert title_of(page) == "Not delivered to 1 of 2 · Invoice 2026/117 · Email activity"
    assert "Fix the address, then resend." in text
    people = text.partition("2 recipients")[2]
    assert people.index(BOB) < people.index(ANNA)
    assert "550 5.1.1 no such user here" in text
    assert "Link clicked" in text
    assert f'href="/emails/{RESENT.message_id}"' in page


def test_an_email_has_its_timeline_with_what_each_event_means():
    page = get(f"/emails/{MACHINE.message_id}")
    text = text_of(page)
    assert "Invoice 2026/123 to anna@example.com" in text
    assert [text.index(each) for each in ("Sent ?", "Delivered to mail server ?", "Opened automatically, perhaps")]
    assert text.count("Unlikely") == 2, "once in words, and once in all that SES reported"
    assert page.count("popovertarget=") == 3
    assert "Beware." in text


def test_an_open_and_a_click_tell_the_link_and_the_program_and_on_request_the_rest():
    page = get(f"/emails/{RESENT.message_id}")
    at_once = text_of(re.sub("(?s)<details>.*?</details>", "", page))
    assert f"Link {LINK} Program {BROWSER}" in at_once
    for each in ("198.51.100.7", "customer=42"):
        assert each in page
        assert each not in at_once


def test_whether_it_was_delivered_is_said_before_whether_it_was_opened():
    for path in (f"/emails/{RESENT.message_id}", f"/emails/{OPENED.message_id}", "/documents/invoice/2026%2F118"):
        page = get(path)
        assert title_of(page).startswith("Delivered to mail server")
        box = page.partition('aria-label="Status"')[2].partition("</section>")[0]
        assert 0 < box.index("Delivered to mail server") < max(map(box.find, ("Link clicked", "probably by a person")))
    row = get(DOCUMENT).partition(f"<bdi>{ANNA}</bdi>")[2].partition("</li>")[0]
    assert f"{RESENT.after(2):%H:%M}</time>" in row
    listed = text_of(get(f"/accounts/{ACCOUNT}?status=clicked"))
    assert "✓ Delivered to mail server ✓ Link clicked" in listed


def test_only_a_warning_looks_like_one():
    for style in (STYLESHEET, REPORT_STYLE):
        shades = [each for line in re.findall(r"--note: ([^;]*);", style) for each in re.findall("#(\\w{6})", line)]
        assert len(shades) == 4 if style is STYLESHEET else 2
        for shade in shades:
            channels = bytes.fromhex(shade)
            assert max(channels) - min(channels) < 32, shade


def test_a_document_of_one_email_has_its_timeline_at_once():
    assert "What happened" in text_of(get("/documents/invoice/2026%2F118"))
    assert "What happened" not in text_of(get(DOCUMENT))


def test_a_row_leads_to_the_timeline_by_the_recipients_address():
    for page, address, email in (
        (get(DOCUMENT), ANNA, RESENT),
        (get(DOCUMENT), BOB, FIRST),
        (get("/failures"), BOB, FIRST),
    ):
        assert f'<a class="whole" href="/emails/{email.message_id}"><bdi>{address}</bdi></a>' in page


def test_beside_a_time_stands_how_long_ago_it_was():
    page = get(f"/emails/{RESENT.message_id}")
    assert f'{RESENT.sent_at:%H:%M:%S}</time> <span class="ago">90 minutes ago</span>' in page
    of_first = ["2 days ago", *(f"{hours} hours ago" for hours in range(36, 48))]  # by the hour at which this runs
    assert any(each in text_of(get(DOCUMENT)) for each in of_first)
    assert texts.ago(NOW + timedelta(seconds=1), now=NOW) == texts.ago(None, now=NOW) == texts.ago(NOW, now=None) == ""


@pytest.mark.parametrize(
    ("number", "said"),
    [("2026/119", "SES may have put the address on"), ("2026/130", ""), ("2026/118", "")],
)
def test_after_a_bounce_but_no_complaint_the_way_to_sess_suppression_list_is_shown(number, said):
    page = email_page(number)
    assert (texts.SUPPRESSION_LIST in page) == bool(said)
    assert said in text_of(page)


def test_an_address_on_the_suppression_list_comes_off_it_by_awss_page():
    email = Email(sent_at=NOW - timedelta(minutes=5))
    events = (email.send(), email.bounce("Permanent", "OnAccountSuppressionList"))
    of = browser(page_table(events))
    for page in (
        of.get(f"/emails/{email.message_id}").text,
        of.post("/search", data={"q": email.to[0]}, headers=OWN_FORM).text,
    ):
        assert f'on this list. <a href="{texts.SUPPRESSION_LIST}">How an address comes off' in page
    assert texts.suppression("suppressed", "global_list") == texts.suppression("soft_bounced") == ""


def test_events_that_say_the_same_of_many_are_one_line():
    text = text_of(get(f"/emails/{FIFTY.message_id}"))
    assert "Delivered to mail server 47 recipients" in text
    assert "Sent 50 recipients" in text


def test_of_fifty_recipients_ten_are_shown_and_failures_first():
    for path in (f"/emails/{FIFTY.message_id}", "/documents/invoice/2026%2F125"):
        page = get(path)
        shown, _, more = page.partition("40 more recipients")
        assert shown.count('<div class="whom">') in (10, 11)  # and what is shared
        # Of the two that failed, the headline names the first.
        assert "member48" in shown
        assert "member40" in more
        assert "Opened by at least one of 50" in page


def test_a_kind_that_is_newer_is_shown_as_ses_spells_it_with_all_of_its_detail():
    text = text_of(get(f"/emails/{NEWER.message_id}"))
    assert "Read Receipt" in text
    assert "a newer SES" in text


def test_opens_that_are_not_tracked_are_told_apart_from_none():
    assert "Opens may not be tracked" in text_of(get("/documents/invoice/2026%2F124") + email_page("2026/124"))
    assert "No open seen" in email_page("2026/128")


def email_page(number: str) -> str:
    return get(f"/documents/invoice/{quote(number, safe='')}")


def test_an_email_without_a_document_says_so():
    assert "Email without a known document" in get(f"/emails/{BARE.message_id}")


def test_out_of_office_and_a_forward_that_bounced_are_no_failures():
    assert "Out-of-office reply" in get(f"/emails/{AWAY.message_id}")
    page = get(f"/emails/{BOUNCED_ELSEWHERE.message_id}")
    assert "A forwarded copy bounced at elsewhere@example.net" in page
    assert "@" not in title_of(page)


def test_a_domain_is_shown_as_people_write_it_with_the_stored_form_beside():
    text = text_of(get("/documents/invoice/2026%2F122"))
    assert "li@例え.jp" in text
    assert f"({LI})" in text


def test_texts_that_run_from_right_to_left_keep_their_own_direction():
    page = get(f"/emails/{ARABIC.message_id}")
    assert f'<dd dir="auto">{RIGHT_TO_LEFT}</dd>' in page


def test_no_title_holds_an_address():
    """Which a browser's history would keep."""
    row = words("forward_bounced")
    said = Status(code="forward_bounced", tone=row.tone, label=row.label.format(address=ANNA), means=row.means)
    assert texts.title_of(said) == "A forwarded copy bounced"


def test_each_status_beside_the_first_says_what_to_do():
    email = Email(sent_at=NOW - timedelta(minutes=5))
    events = (email.send(), email.delivery(), email.open(GMAIL_PROXY), email.subscription())
    text = text_of(browser(page_table(events)).get(f"/emails/{email.message_id}").text)
    assert "Send no more of it." in text
    assert "proxy_opened" not in text


def test_a_verdict_without_a_step_of_its_own_refers_to_the_email():
    text = text_of(get("/meanings"))
    assert "Do not send: the last email was refused As for the email that decided." in text


def test_meanings_has_every_word():
    text = text_of(get("/meanings"))
    for each in (*WORDS, *VERDICTS.values()):
        assert each.label.partition("{")[0] in text
    assert "Rendering Failure" in text


def test_every_page_says_where_it_is_and_how_fresh_it_is():
    paths = ("/", DOCUMENT, f"/emails/{FIRST.message_id}", f"/accounts/{ACCOUNT}", "/failures", "/meanings")
    for path in paths:
        page = get(path)
        assert page.count("<h1") == 1
        assert title_of(page).endswith(" · Email activity")
        assert 'href="#main"' in page
        assert "The newest event recorded is 12 seconds old; the queue is being read." in page
        assert "times in UTC" in page
        assert f'href="{path}">refresh' in page
        for name in ("Search", "Not delivered", "Meanings"):
            assert f">{name}</a>" in page
