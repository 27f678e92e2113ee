"""Settings: typed, checked at start, and told in one line when they are wrong."""

import re
from importlib import resources

import pytest

from config.settings import Settings, SettingsError, hide_password, load_settings


def example() -> dict[str, str]:
    """Every assignment in example.env; those commented out have no default."""
    text = resources.files("config").joinpath("example.env").read_text(encoding="utf-8")
    return dict(re.findall(r"^([A-Z_]+)=(.*)$", text, re.MULTILINE))


def test_the_example_documents_every_variable() -> None:
    text = resources.files("config").joinpath("example.env").read_text(encoding="utf-8")
    documented = set(re.findall(r"^(?:# )?([A-Z_]+)=", text, re.MULTILINE))
    assert documented == {name.upper() for name in Settings.model_fields}


def test_the_example_shows_the_defaults(monkeypatch: pytest.MonkeyPatch) -> None:
    defaults = load_settings()
    for name, value in example().items():
        monkeypatch.setenv(name, value)
    assert load_settings() == defaults


@pytest.mark.parametrize(
    ("name", "given", "wanted"),
    [
        ("BATCH_SIZE", "many", "valid integer"),
        ("BATCH_SIZE", "0", "greater than or equal to 1"),
        ("RECEIVE_WAIT_SECONDS", "21", "less than or equal to 20"),
        ("REDIS_URL", "localhost:6379", "a URL that starts with redis://"),
        ("AWS_ENDPOINT_URL", "localhost", "a URL that starts with http:// or https://"),
        ("TRACKED_DOCUMENT_TYPES", " , ", "a comma-separated list of document types"),
        ("TRACKED_DOCUMENT_TYPES", "*,invoice", "a comma-separated list of document types"),
        ("LOG_LEVEL", "loud", "'debug', 'info', 'warning' or 'error'"),
        ("RETENTION_DAYS", "-1", "greater than or equal to 1"),
        ("STORE_SUBJECT", "perhaps", "valid boolean"),
    ],
)
def test_a_wrong_value_is_one_line_with_name_value_and_want(
    monkeypatch: pytest.MonkeyPatch, name: str, given: str, wanted: str
) -> None:
    monkeypatch.setenv(name, given)
    with pytest.raises(SettingsError) as error:
        load_settings()
    line = str(error.value)
    assert "\n" not in line
    assert line.startswith(f"{name}: got {given!r}, want ")
    assert wanted in line


def test_each_wrong_variable_has_its_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BATCH_SIZE", "0")
    monkeypatch.setenv("LOG_LEVEL", "loud")
    with pytest.raises(SettingsError) as error:
        load_settings()
    assert sorted(line.partition(":")[0] for line in str(error.value).splitlines()) == ["BATCH_SIZE", "LOG_LEVEL"]


def test_a_stop_must_be_able_to_wait_for_the_last_receive(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RECEIVE_WAIT_SECONDS", "20")
    monkeypatch.setenv("SHUTDOWN_SECONDS", "20")
    with pytest.raises(SettingsError, match="RECEIVE_WAIT_SECONDS: got 20, want less than SHUTDOWN_SECONDS"):
        load_settings()


def test_passwords_are_hidden_wherever_they_show(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REDIS_URL", "rediss://worker:hunter2@cache.example:6379/0")
    assert "hunter2" not in str(load_settings().shown())
    assert load_settings().shown()["CELERY_BROKER_URL"] == "rediss://***@cache.example:6379/0"
    monkeypatch.setenv("REDIS_URL", "http://worker:hunter2@cache.example")
    with pytest.raises(SettingsError) as error:
        load_settings()
    assert "hunter2" not in str(error.value)


@pytest.mark.parametrize(
    "url",
    [
        "redis://:hunter2@[::1",
        "redis://a@b:hunter2@host",
        "redis://:hunter2@host/0",
        "redis://:hunter2/@host/0",
        "redis//worker:hunter2@host",
        "worker:hunter2@host",
        "redis://host/0?password=hunter2@",
    ],
)
def test_no_spelling_of_a_url_shows_its_password(url: str) -> None:
    assert "hunter2" not in hide_password(url)


def test_the_broker_is_redis_unless_said_otherwise(monkeypatch: pytest.MonkeyPatch) -> None:
    assert load_settings().broker_url == load_settings().redis_url
    monkeypatch.setenv("CELERY_BROKER_URL", "redis://other:6379/1")
    assert load_settings().broker_url == "redis://other:6379/1"


def test_document_types_are_compared_without_case(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRACKED_DOCUMENT_TYPES", "Invoice, contract ,")
    assert load_settings().tracked == {"invoice", "contract"}
    monkeypatch.setenv("TRACKED_DOCUMENT_TYPES", "*")
    assert load_settings().tracked == frozenset()


def test_an_empty_variable_counts_as_not_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DEAD_LETTER_QUEUE", "")
    assert load_settings().dead_letter_queue is None
