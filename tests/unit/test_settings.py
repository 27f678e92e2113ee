"""Settings: typed, checked at start, and told in one line when they are wrong."""

import re
import ssl
from datetime import UTC, datetime
from pathlib import Path

import pytest
from click.testing import CliRunner

from email_activity.cli.main import main
from email_activity.hosting.broker import BrokerConnection
from email_activity.hosting.start_check import check_start
from email_activity.redis_url import RedisUrl, Tls, hide_password, read_redis_url
from email_activity.ses.tracking_policy import tracking_policy
from email_activity.settings import (
    ReaderSettings,
    Settings,
    SettingsError,
    load_reader_settings,
    load_settings,
    load_tracking_settings,
)
from email_activity.web.settings import WebSettings

EXAMPLE = Path(__file__).resolve().parents[2] / "config" / "example.env"


def example() -> dict[str, str]:
    """Every assignment in example.env; those commented out have no default."""
    text = EXAMPLE.read_text(encoding="utf-8")
    return dict(re.findall(r"^([A-Z_]+)=(.*)$", text, re.MULTILINE))


def test_the_example_documents_every_variable() -> None:
    text = EXAMPLE.read_text(encoding="utf-8")
    documented = set(re.findall(r"^(?:# )?([A-Z_]+)=", text, re.MULTILINE))
    assert documented == {name.upper() for name in (*Settings.model_fields, *WebSettings.model_fields)}


def test_believed_accounts_and_configuration_sets_are_lists_all_by_default(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert (load_settings().trusted_accounts, load_settings().trusted_sets) == (frozenset(), frozenset())
    monkeypatch.setenv("TRUSTED_AWS_ACCOUNTS", "111122223333, 444455556666")
    monkeypatch.setenv("TRUSTED_CONFIGURATION_SETS", "Invoices")
    followed = tracking_policy(load_settings())
    assert followed.trusted_accounts == {"111122223333", "444455556666"}
    assert followed.trusted_configuration_sets == {"Invoices"}


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
        ("CELERY_BROKER_URL", "amqp://host", "redis:// or rediss:// or memory://"),
        ("REDIS_URL", "memory://", "a URL that starts with redis:// or rediss://"),
        ("REDIS_URL", "redis://h/zero", "a number as the database"),
        ("REDIS_URL", "redis://h/1?db=", "a number as the database"),
        ("REDIS_URL", "redis://h:6379/0/1", "a number as the database"),
        ("REDIS_URL", "redis://h:99999/0", "a URL like redis://USER:PASSWORD@HOST:6379/0"),
        ("CELERY_BROKER_URL", "redis://h/0?ssl_cert_reqs=required", "rediss:// where ssl_ options are given"),
        ("CELERY_BROKER_URL", "rediss://h/0?ssl_cert_reqs=REQUIRED", "ssl_cert_reqs to be one of required, optional"),
        ("REDIS_URL", "rediss://h/0?ssl_cert_reqs=", "ssl_cert_reqs to be one of required, optional, none, CERT_"),
        ("REDIS_URL", "rediss://h/0?ssl_check_hostname=maybe", "ssl_check_hostname to be one of true, false"),
        ("REDIS_URL", "rediss://h/0?ssl_cert_reqs=none&ssl_check_hostname=true", "ssl_cert_reqs=required where"),
        ("REDIS_URL", "rediss://h/0?ssl_cert_reqs=none&ssl_cert_reqs=required", "only these, each once"),
        # Taken as empty, these lists would believe everybody.
        *(("TRUSTED_AWS_ACCOUNTS", ids, "AWS account ids of 12 digits") for ids in ("acme", "111122223333 4", ",")),
        ("TRUSTED_CONFIGURATION_SETS", "*", "comma-separated names of SES's configuration sets"),
        *(
            ("TRUSTED_SNS_TOPICS", arn, "ARNs of SNS topics")
            for arn in ("*", ",", "arn:aws:sqs:us-east-1:111122223333:x")
        ),
        ("SNS_SIGNATURES", "yes", "'off', 'warn' or 'enforce'"),
        ("SNS_SIGNATURES", "enforce", "it together with TRUSTED_SNS_TOPICS"),
        ("LOG_LEVEL", "loud", "'debug', 'info', 'warning' or 'error'"),
        ("RETENTION_DAYS", "-1", "greater than or equal to 1"),
        ("STORE_SUBJECT", "perhaps", "valid boolean"),
        *(
            ("DISPLAY_TIMEZONE", name, "an IANA time zone")
            for name in ("Mars/Olympus", "../etc/passwd", "Europe", "+1")
        ),
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
    with pytest.raises(SettingsError, match=r"\ABATCH_SIZE: .*\nLOG_LEVEL: .*\Z"):
        load_settings()


def test_who_reads_or_parses_need_not_set_right_what_only_a_worker_needs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REDIS_URL", "nonsense")
    monkeypatch.setenv("BATCH_SIZE", "0")
    monkeypatch.setenv("RECEIVE_WAIT_SECONDS", "20")
    monkeypatch.setenv("SHUTDOWN_SECONDS", "20")
    monkeypatch.setenv("ACTIVITY_TABLE", "facts")
    assert load_reader_settings().activity_table == "facts"
    assert load_tracking_settings().retention_days == 365
    monkeypatch.setenv("TRACKED_DOCUMENT_TYPES", ",")
    assert load_reader_settings().activity_table == "facts"


def test_a_worker_has_all_that_a_reader_has() -> None:
    assert isinstance(load_settings(), ReaderSettings)
    assert load_settings(threads_per_process=64).connections == 64
    assert load_settings(threads_per_process=1).connections == load_reader_settings().connections


def test_times_are_shown_in_the_time_zone_that_is_set(monkeypatch: pytest.MonkeyPatch) -> None:
    noon = datetime(2026, 11, 23, 12, tzinfo=UTC)
    assert noon.astimezone(load_reader_settings().time_zone).isoformat() == "2026-11-23T12:00:00+00:00"
    monkeypatch.setenv("DISPLAY_TIMEZONE", "Europe/Berlin")
    assert noon.astimezone(load_reader_settings().time_zone).isoformat() == "2026-11-23T13:00:00+01:00"


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


@pytest.mark.parametrize("name", ["REDIS_URL", "CELERY_BROKER_URL"])
@pytest.mark.parametrize(
    "url",
    [
        "redis://h/0?password=",
        "redis://u:hunter2@[bad",
        "redis://:hunter2\nmore@h/0",
        "redis://:hunter2 more@h/0",
        "redis://u:hunter2/more@h/0",
        "redis://u:hunter2?more@h/0",
        "redis://u:hunter2#more@h/0",
        "redis://u:hunter2",
        "redis://h/0?password=hunter2&password=hunter2",
        "redis://h/0?pass%77ord=hunter2&x=y",
        "redis://h/0?timeout=3&password=hunter2",
    ],
)
def test_a_url_that_cannot_work_is_one_line_without_its_password(
    monkeypatch: pytest.MonkeyPatch, name: str, url: str
) -> None:
    monkeypatch.setenv(name, url)
    with pytest.raises(SettingsError) as error:
        load_settings()
    line = str(error.value)
    assert "\n" not in line
    assert line.startswith(f"{name}: got ")
    assert "hunter2" not in line
    assert "more" not in line.partition(", want ")[0]


@pytest.mark.parametrize(
    ("url", "wanted"),
    [
        ("redis://h", RedisUrl("h", 6379, 0, None, None, None)),
        ("redis:///2", RedisUrl("localhost", 6379, 2, None, None, None)),
        ("redis://u:p%40%2F%0A@h:1/2", RedisUrl("h", 1, 2, "u", "p@/\n", None)),
        ("redis://h?db=3&username=u&password=p%26", RedisUrl("h", 6379, 3, "u", "p&", None)),
        ("redis://[::1]:7/0", RedisUrl("::1", 7, 0, None, None, None)),
        ("rediss://h", RedisUrl("h", 6379, 0, None, None, Tls())),
        ("rediss://h?ssl_cert_reqs=none", RedisUrl("h", 6379, 0, None, None, Tls(ssl.CERT_NONE, False))),
        ("rediss://h?ssl_cert_reqs=CERT_NONE", RedisUrl("h", 6379, 0, None, None, Tls(ssl.CERT_NONE, False))),
        ("rediss://h?ssl_check_hostname=False", RedisUrl("h", 6379, 0, None, None, Tls(ssl_check_hostname=False))),
        ("rediss://h?ssl_ca_certs=/a%20b.pem", RedisUrl("h", 6379, 0, None, None, Tls(ssl_ca_certs="/a b.pem"))),
    ],
)
def test_what_a_redis_url_says(monkeypatch: pytest.MonkeyPatch, url: str, wanted: RedisUrl) -> None:
    monkeypatch.setenv("REDIS_URL", url)
    settings = load_settings()
    assert (settings.redis, settings.broker) == (wanted, wanted)
    assert "p&" not in repr(settings.redis)


def test_without_more_said_certificate_and_host_are_verified() -> None:
    assert (Tls().ssl_cert_reqs, Tls().ssl_check_hostname) == (ssl.CERT_REQUIRED, True)


@pytest.mark.parametrize("name", ["REDIS_URL", "CELERY_BROKER_URL"])
def test_broker_and_client_are_told_the_same(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """And Celery, which reads CELERY_BROKER_URL from the environment itself, is not told more."""
    monkeypatch.setenv(name, "rediss://u:p%40@h:1/2?ssl_check_hostname=no")
    made = BrokerConnection(load_settings().broker_url)
    told = {"ssl_cert_reqs": ssl.CERT_REQUIRED, "ssl_check_hostname": False}
    assert made.ssl.items() >= told.items()
    assert made.clone().ssl == made.ssl
    assert (made.hostname, made.port, made.virtual_host, made.userid, made.password) == ("h", 1, "2", "u", "p@")
    assert read_redis_url(load_settings().broker_url).client_options().items() >= told.items()


def test_the_broker_is_redis_unless_said_otherwise(monkeypatch: pytest.MonkeyPatch) -> None:
    assert load_settings().broker_url == load_settings().redis_url
    monkeypatch.setenv("CELERY_BROKER_URL", "redis://other:6379/1")
    assert load_settings().broker_url == "redis://other:6379/1"
    monkeypatch.setenv("CELERY_BROKER_URL", "memory://")
    assert load_settings().broker is None
    assert load_settings().shown()["CELERY_BROKER_URL"] == "memory://"


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
        "redis://:hunter2\nmore@host",
        "redis://:more\nhunter2@host",
        "redis://:more?hunter2@host",
        "redis://user:hunter2",
        "rediss://host/0?db=1&pass%77ord=hunter2&ssl_password=hunter2",
    ],
)
def test_no_spelling_of_a_url_shows_its_password(url: str) -> None:
    assert "hunter2" not in hide_password(url)


@pytest.mark.parametrize(
    ("name", "value", "read"),
    [
        ("TRACKED_DOCUMENT_TYPES", "Invoice, contract ,", {"tracked": {"invoice", "contract"}}),
        ("TRACKED_DOCUMENT_TYPES", "*", {"tracked": set()}),
        ("DEAD_LETTER_QUEUE", "", {"dead_letter_queue": None}),  # empty counts as not set
    ],
)
def test_what_a_variable_means(monkeypatch: pytest.MonkeyPatch, name: str, value: str, read: dict[str, object]) -> None:
    monkeypatch.setenv(name, value)
    assert {attribute: getattr(load_settings(), attribute) for attribute in read} == read


@pytest.mark.parametrize("name", ["AWS_CA_BUNDLE", "REQUESTS_CA_BUNDLE"])
@pytest.mark.parametrize("arguments", [("status", "0100018c"), ("dlq", "list"), ("provision", "--region", "eu-west-1")])
def test_certificates_for_aws_that_are_missing_are_one_line(
    monkeypatch: pytest.MonkeyPatch, name: str, arguments: tuple[str, ...]
) -> None:
    """botocore finds out at its first call, and says no more than that there is no such file."""
    monkeypatch.setenv(name, "/no/such/file.pem")
    result = CliRunner().invoke(main, arguments)
    assert result.exit_code == 2
    line = f"{name}: got '/no/such/file.pem', want a file of certificates that exists"
    assert result.stderr.splitlines()[-1] == line
    with pytest.raises(SettingsError) as error:
        check_start(load_settings())
    assert str(error.value) == line
