"""The JSON API to those who may not ask, ask too much, or ask for harm."""

import hmac
import threading

import anyio
import httpx2
import pytest

from email_activity.web import login
from email_activity.web.app import make_app
from email_activity.web.login import new_token, token_hash
from email_activity.web.settings import WebSettings
from faketable import FakeDynamoDB
from webapi import EMAIL, activity_on, client

#: Fixed, since tests are named by it.
TOKEN = "fciYPGentT5mKPAAB57ejDN695BTiB2UpR-VqCECJx4"
HASH = token_hash(TOKEN)
HEADER, PROXY = {"web_user_header": "X-Forwarded-User", "web_trusted_proxies": "10.0.1.0/24,fd00::/64"}, "10.0.1.9"
WORDS = "/api/v1/words"


def status(path: str = WORDS, headers: object = None, peer: str = "127.0.0.1", **settings: str) -> int:
    return client(peer=peer, **settings).get(path, headers=headers).status_code


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST:8025", "127.0.0.1:8025", "[::1]:8025"])
def test_on_loopback_the_names_of_loopback_are_answered(host):
    assert status(headers={"Host": host}) == 200


@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        "localhost.evil.example",
        "localhost:80@evil.example",
        "127.0.0.1.evil.example",
        "",
        "[::1",
        "a b",
    ],
)
def test_another_host_is_refused_on_loopback_too(host):
    """Else a page of anybody's could read through the browser of whoever runs this (DNS rebinding)."""
    answer = client().get(WORDS, headers={"Host": host})
    assert (answer.status_code, answer.json()["code"]) == (421, "host_not_allowed")


def test_hosts_that_are_set_are_the_only_ones():
    own = {"web_allowed_hosts": "Activity.example.com", "web_token_hashes": HASH}
    bearer = {"Authorization": f"Bearer {TOKEN}"}
    assert status(headers=bearer | {"Host": "activity.example.com"}, **own) == 200
    assert status(headers=bearer | {"Host": "localhost"}, **own) == 421


@pytest.mark.parametrize(
    "given",
    [
        None,
        "Bearer",
        "Bearer ",
        f"Bearer {TOKEN[:-1]}",
        f"Bearer {HASH}",
        f"Basic {TOKEN}",
        TOKEN,
        f"Bearer {TOKEN}, Bearer {TOKEN}",
        "Bearer \xff",
    ],
)
def test_without_the_token_it_is_401_on_every_path_but_health(given):
    headers = {"Authorization": given.encode("latin-1")} if given else None
    for path in (WORDS, "/api/v1/openapi.json", "/nothing", f"/api/v1/emails/{EMAIL.message_id}"):
        answer = client(web_token_hashes=HASH).get(path, headers=headers)
        assert (answer.status_code, answer.json()["code"]) == (401, "login_required")
        assert answer.headers["www-authenticate"] == "Bearer"
    assert status("/healthz", headers, web_token_hashes=HASH) == 200
    assert client(web_token_hashes=HASH).head("/healthz").status_code == 200


def test_each_of_several_tokens_is_good():
    other, hashed = new_token()
    for token in (TOKEN, other):
        for scheme in ("Bearer", "bearer"):
            headers = {"Authorization": f"{scheme} {token}"}
            assert status(headers=headers, web_token_hashes=f"{HASH}, {hashed}") == 200


def test_a_token_in_the_url_counts_nowhere():
    assert status(f"{WORDS}?token={TOKEN}&access_token={TOKEN}", web_token_hashes=HASH) == 401


def test_tokens_are_long_differ_and_are_compared_in_constant_time(monkeypatch):
    compared = []
    compare = hmac.compare_digest
    monkeypatch.setattr(login.hmac, "compare_digest", lambda *of: compared.append(of) or compare(*of))
    hashes = f"{HASH},{'0' * 64},{'f' * 64}"
    assert status(headers={"Authorization": f"Bearer {TOKEN}"}, web_token_hashes=hashes) == 200
    assert {each for _, each in compared} == set(hashes.split(","))
    assert {given for given, _ in compared} == {token_hash(TOKEN)}
    assert len({new_token()[0] for _ in range(100)}) == 100
    assert len(new_token()[0]) >= 43


@pytest.mark.parametrize("peer", [PROXY, f"::ffff:{PROXY}", "fd00::5"])
def test_the_user_header_counts_from_a_trusted_proxy(peer):
    assert status(headers={"X-Forwarded-User": "kim"}, peer=peer, **HEADER) == 200


@pytest.mark.parametrize("peer", ["10.0.2.9", "127.0.0.1", "::1", "testclient", ""])
def test_the_user_header_of_anybody_else_is_forged(peer):
    forged = {"X-Forwarded-User": "kim", "X-Forwarded-For": PROXY, "X-Real-IP": PROXY, "Forwarded": f"for={PROXY}"}
    assert status(headers=forged, peer=peer, **HEADER) == 401


@pytest.mark.parametrize("values", [[], [""], [" "], ["kim", "root"]])
def test_a_proxy_must_name_one_user(values):
    headers = [("X-Forwarded-User", each) for each in values]
    assert status(headers=headers, peer=PROXY, **HEADER) == 401


def test_every_answer_is_data_that_nobody_keeps():
    for path in (WORDS, "/healthz", "/nothing", "/api/v1/emails/none", "/api/v1/failures?limit=0"):
        answer = client().get(path)
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["cache-control"] == "no-store"
        assert answer.headers["content-security-policy"].startswith("default-src 'none'")
        assert answer.headers["referrer-policy"] == "no-referrer"
        assert "server" not in answer.headers
        assert not {name for name in answer.headers if name.startswith("access-control")}


def test_a_huge_body_is_refused_unread():
    for body in (b"x" * 16_385, iter([b"x" * 10_000] * 1_000)):
        answer = client().post("/api/v1/recipients/lookup", content=body, headers={"Content-Type": "application/json"})
        assert (answer.status_code, answer.json()["code"]) == (413, "body_too_large")
        assert answer.headers["cache-control"] == "no-store"


class SlowTable(FakeDynamoDB):
    """Answers when it is let."""

    def __init__(self, wanted: int) -> None:
        super().__init__()
        self.asked = threading.Semaphore(0)
        self.may_answer = threading.Event()
        self.wanted = wanted

    def query(self, **request):
        self.asked.release()
        assert self.may_answer.wait(60)
        return super().query(**request)


def test_the_ninth_request_at_once_is_told_to_come_again():
    table = SlowTable(8)
    app = make_app(activity_on(table), WebSettings())

    async def ask() -> list[int]:
        transport = httpx2.ASGITransport(app)
        async with httpx2.AsyncClient(transport=transport, base_url="http://localhost") as of:
            answers = []

            async def get() -> None:
                answers.append((await of.get("/api/v1/emails/none")).status_code)

            async with anyio.create_task_group() as group:
                for _ in range(8):
                    group.start_soon(get)
                for _ in range(8):
                    await anyio.to_thread.run_sync(table.asked.acquire)
                ninth = await of.get("/api/v1/emails/none")
                assert (ninth.status_code, ninth.json()["code"]) == (503, "too_busy")
                assert int(ninth.headers["retry-after"]) > 0
                assert (await of.get("/healthz")).status_code == 200
                table.may_answer.set()
            await get()
            return answers

    assert anyio.run(ask) == [404] * 9
