"""The page in use: by keyboard alone, without scripts, at a zoom, signed in."""

import pytest
from playwright.sync_api import expect
from screens import SCREENS
from serving import Visit, served

from email_activity.web.login import token_hash
from pagestory import ANNA, RESENT, page_table

TOKEN = "fciYPGentT5mKPAAB57ejDN695BTiB2UpR-VqCECJx4"


def test_by_keyboard_alone_a_document_is_found_and_its_timeline_read(visit: Visit) -> None:
    visitor = visit()
    visitor.open("/")
    expect(visitor.page.locator("#q")).to_be_focused()
    visitor.page.keyboard.type("2026/117")
    with visitor.page.expect_navigation():
        visitor.page.keyboard.press("Enter")
    press_until(visitor, ANNA)
    with visitor.page.expect_navigation():
        visitor.page.keyboard.press("Enter")
    assert "What happened" in visitor.text


def press_until(visitor, wanted: str) -> None:
    for _ in range(40):
        visitor.page.keyboard.press("Tab")
        if visitor.focused() == wanted:
            return
    raise AssertionError(f"the keyboard does not come to {wanted}")


def test_the_first_stop_of_the_keyboard_skips_to_the_content(visit: Visit) -> None:
    visitor = visit()
    visitor.open("/failures")
    visitor.page.keyboard.press("Tab")
    expect(visitor.page.get_by_role("link", name="Skip to content")).to_be_focused()
    visitor.page.keyboard.press("Enter")
    expect(visitor.page.locator("main")).to_be_focused()


@pytest.mark.parametrize("scripts", [True, False])
def test_what_an_event_means_opens_by_keyboard_and_closes_by_escape(visit: Visit, scripts: bool) -> None:
    visitor = visit(scripts=scripts)
    visitor.open(f"/emails/{RESENT.message_id}")
    tip = visitor.page.locator("#m2")
    assert not tip.is_visible()
    button = visitor.page.get_by_role("button", name="What does “Delivered to mail server” mean?")
    box = button.bounding_box()
    assert box
    assert min(box["width"], box["height"]) >= 24
    button.focus()
    visitor.page.keyboard.press("Enter")
    expect(tip).to_contain_text("Beware.")
    expect(tip).to_be_visible()
    visitor.page.keyboard.press("Escape")
    expect(tip).to_be_hidden()
    expect(button).to_be_focused()


@pytest.mark.parametrize("name", SCREENS)
def test_without_scripts_every_screen_is_the_same(visit: Visit, name: str) -> None:
    visitor = visit(scripts=False)
    SCREENS[name].come(visitor)
    assert any(words in visitor.text for words in SCREENS[name].words.split("|"))


def test_without_scripts_details_open_and_lists_go_on(visit: Visit) -> None:
    visitor = visit(scripts=False)
    visitor.open(f"/emails/{RESENT.message_id}")
    visitor.page.locator("summary").last.click()
    assert "198.51.100.7" in visitor.text


def test_on_paper_stands_what_is_folded_on_the_screen(visit: Visit) -> None:
    visitor = visit()
    for name, folded in (("email", "198.51.100.7"), ("document of fifty", "member46@"), ("overview", "Hard bounces")):
        SCREENS[name].come(visitor)
        shown = visitor.page.locator("details").get_by_text(folded).first
        assert not shown.is_visible()
        visitor.page.emulate_media(media="print")
        assert shown.is_visible()
        visitor.page.emulate_media(media="screen")


@pytest.mark.parametrize("width", [390, 320])
@pytest.mark.parametrize("name", ["not delivered", "account", "overview"])
def test_on_a_phone_the_filters_take_less_than_a_third_of_the_screen(visit: Visit, name: str, width: int) -> None:
    visitor = visit(width=width)
    SCREENS[name].come(visitor)
    box = visitor.page.locator(".filters").bounding_box()
    assert box
    assert box["height"] < 667 / 3
    assert visitor.overflow <= 0


def test_a_row_is_one_target_that_leads_to_the_timeline(visit: Visit) -> None:
    visitor = visit(width=390)
    SCREENS["document"].come(visitor)
    row = visitor.page.locator(".people li").first
    box = row.bounding_box()
    assert box
    with visitor.page.expect_navigation():
        row.click(position={"x": box["width"] - 20, "y": 10})
    assert "What happened" in visitor.text


def test_the_foot_ends_where_the_content_does(visit: Visit) -> None:
    visitor = visit()
    visitor.open("/failures")
    foot, card = (visitor.page.locator(each).first.bounding_box() for each in (".foot", ".card"))
    assert foot
    assert card
    assert (foot["x"], foot["width"]) == (card["x"], card["width"])


@pytest.mark.parametrize("name", ["search", "document", "email", "not delivered", "account", "meanings"])
@pytest.mark.parametrize("width", [1280, 640])
def test_with_letters_of_twice_the_size_nothing_is_lost(visit: Visit, name: str, width: int) -> None:
    visitor = visit(width=width)
    SCREENS[name].come(visitor)
    visitor.page.evaluate("document.documentElement.style.fontSize = '200%'")
    assert visitor.overflow <= 0


@pytest.mark.parametrize("name", ["search", "document", "email", "not delivered"])
def test_at_a_zoom_of_200_percent_nothing_is_lost(visit: Visit, name: str) -> None:
    visitor = visit(width=640, scale=2)
    SCREENS[name].come(visitor)
    assert visitor.overflow <= 0


@pytest.mark.parametrize("name", ["search", "document", "email", "not delivered", "address", "account"])
def test_whatever_can_be_clicked_is_large_enough(visit: Visit, name: str) -> None:
    """24 pixels (WCAG 2.2), but for links within a sentence."""
    visitor = visit(width=390)
    SCREENS[name].come(visitor)
    for each in visitor.page.locator("button, input:not([type=hidden]), select, nav a, summary").all():
        box = each.bounding_box()
        assert box is None or min(box["width"], box["height"]) >= 24, each.evaluate("each => each.outerHTML")


def test_a_browser_signs_in_searches_and_signs_out(visit: Visit) -> None:
    with served(page_table(), web_token_hashes=token_hash(TOKEN)) as url:
        visitor = visit(url)
        visitor.open("/failures")
        expect(visitor.page.locator("#token")).to_be_focused()
        visitor.page.keyboard.type(TOKEN)
        with visitor.page.expect_navigation():
            visitor.page.keyboard.press("Enter")
        assert visitor.page.url == f"{url}/failures"
        visitor.search(ANNA)
        assert "Emails to this address" in visitor.text
        assert "@" not in visitor.page.url + visitor.page.title()
        visitor.page.click("text=Sign out")
        assert "Access token" in visitor.text
        assert visitor.complaints == []
