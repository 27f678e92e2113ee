"""Each screen and state, light and dark, from the phone to the desk: seen, usable by all, quiet, and its own."""

import pytest
from botocore.exceptions import EndpointConnectionError
from screens import AWAY, EMPTY, FIRST_START, NOTHING_ARRIVES, SCREENS, SIGN_IN, STALE, Screen
from serving import Visit, served
from visitor import Visitor

from email_activity.web.login import token_hash
from faketable import FakeDynamoDB

WIDTHS = (1280, 390, 320)

#: Between them, a tablet's and a desk's at a zoom of 150 %, where only the layout differs.
BETWEEN = (768, 853)


def check(visitor: Visitor, screen: Screen) -> None:
    screen.come(visitor)
    wrong = []
    for dark in (False, True):
        for width in WIDTHS:
            visitor.look(width, dark=dark)
            look = f"{width} {'dark' if dark else 'light'}"
            assert any(words in visitor.text for words in screen.words.split("|")), visitor.text
            wrong += [f"{look}: {each}" for each in visitor.violations()]
            if visitor.overflow > 0:
                wrong.append(f"{look}: {visitor.overflow} pixels too wide")
    for width in BETWEEN:
        visitor.look(width, dark=False)
        wrong += [f"{width}: {visitor.overflow} pixels too wide"] * (visitor.overflow > 0)
    assert wrong == []
    assert visitor.complaints == []
    assert visitor.foreign_requests == []


@pytest.mark.parametrize("name", SCREENS)
def test_a_screen(visit: Visit, name: str) -> None:
    check(visit(), SCREENS[name])


class AwayTable(FakeDynamoDB):
    def query(self, **_request):
        raise EndpointConnectionError(endpoint_url="http://away")


@pytest.mark.parametrize(
    ("table", "screen", "settings"),
    [
        (EMPTY, FIRST_START, {}),
        (STALE, NOTHING_ARRIVES, {}),
        (AwayTable(), AWAY, {}),
        (EMPTY, SIGN_IN, {"web_token_hashes": token_hash("x")}),
    ],
    ids=["first start", "nothing arrives", "table away", "sign in"],
)
def test_a_screen_of_another_table(visit, table, screen, settings):
    with served(table, **settings) as url:
        check(visit(url), screen)
