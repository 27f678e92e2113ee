"""A Redis URL, read once and strictly, so that it means the same for Celery's broker and for duplicates.

kombu and redis-py read one URL in two ways: kombu checks no certificate unless told to, each has spellings that the
other does not know, and both take some mistakes in silence.
"""

import ssl
from collections.abc import Callable
from dataclasses import dataclass, field, fields
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

#: Keeps remote control within the process that asks: none at all.
MEMORY = "memory://"

FORM = "a URL like redis://USER:PASSWORD@HOST:6379/0, with each of @ : / ? # [ ] % in the password percent-encoded"

#: redis-py's words and Celery's.
VERIFY = {
    "required": ssl.CERT_REQUIRED,
    "optional": ssl.CERT_OPTIONAL,
    "none": ssl.CERT_NONE,
    "CERT_REQUIRED": ssl.CERT_REQUIRED,
    "CERT_OPTIONAL": ssl.CERT_OPTIONAL,
    "CERT_NONE": ssl.CERT_NONE,
}
YES_OR_NO = {"true": True, "false": False, "yes": True, "no": False, "1": True, "0": False}


@dataclass(frozen=True, slots=True)
class Tls:
    """How the server is known. Fields are named as in redis-py and in the URL's query.

    https://redis.readthedocs.io/en/stable/examples/ssl_connection_examples.html
    """

    ssl_cert_reqs: ssl.VerifyMode = ssl.CERT_REQUIRED
    ssl_check_hostname: bool = True
    ssl_ca_certs: str | None = None
    ssl_ca_path: str | None = None
    ssl_certfile: str | None = None
    ssl_keyfile: str | None = None
    ssl_password: str | None = field(default=None, repr=False)

    def options(self) -> dict[str, Any]:
        """redis-py's; kombu hands them on as they are."""
        return {each.name: getattr(self, each.name) for each in fields(self)}

    def check(self) -> None:
        """Raises ValueError if a file that it names is missing or of no use."""
        try:
            context = ssl.create_default_context()
            if self.ssl_ca_certs or self.ssl_ca_path:
                context.load_verify_locations(self.ssl_ca_certs, self.ssl_ca_path)
            if self.ssl_certfile:
                # Without a password given, OpenSSL would ask for one on the terminal.
                context.load_cert_chain(self.ssl_certfile, self.ssl_keyfile, self.ssl_password or "")
        except (OSError, ssl.SSLError) as error:
            raise ValueError(f"ssl_ca_certs, ssl_certfile and ssl_keyfile that can be used ({error})") from None


@dataclass(frozen=True, slots=True)
class RedisUrl:
    host: str
    port: int
    database: int
    username: str | None
    password: str | None = field(repr=False)
    #: None: without TLS.
    tls: Tls | None

    def client_options(self) -> dict[str, Any]:
        """For redis-py's client, but for the database, which a cluster does not have."""
        options = {"host": self.host, "port": self.port, "username": self.username, "password": self.password}
        return options | ({"ssl": True} | self.tls.options() if self.tls else {})

    def broker_options(self) -> dict[str, Any]:
        """For `kombu.Connection`."""
        return {
            "transport": "rediss" if self.tls else "redis",
            "hostname": self.host,
            "port": self.port,
            "virtual_host": str(self.database),
            "userid": self.username,
            "password": self.password,
            "ssl": self.tls.options() if self.tls else False,
        }


def _one_of(words: dict[str, Any]) -> Callable[[str, str], Any]:
    def read(name: str, value: str) -> Any:
        if value not in words:
            raise ValueError(f"{name} to be one of {', '.join(words)}")
        return words[value]

    return read


def _text(name: str, value: str) -> str:
    if not value:
        raise ValueError(f"{name} to have a value")
    return value


def _database(_: str, value: str) -> int:
    if not (value.isascii() and value.isdigit()):
        raise ValueError("a number as the database: redis://HOST:6379/0")
    return int(value)


#: What may stand behind the `?`, and how it is read.
OPTIONS: dict[str, Callable[[str, str], Any]] = {
    "ssl_cert_reqs": _one_of(VERIFY),
    "ssl_check_hostname": lambda name, value: _one_of(YES_OR_NO)(name, value.lower()),
    **dict.fromkeys(("ssl_ca_certs", "ssl_ca_path", "ssl_certfile", "ssl_keyfile", "ssl_password"), _text),
    "db": _database,
    "username": _text,
    "password": _text,
}


def read_redis_url(text: str) -> RedisUrl:
    """Raises ValueError with what is wanted; it quotes nothing of the URL, which may hold a password."""
    if not text.isprintable() or " " in text:
        raise ValueError("a URL without blanks, line ends and other control characters; percent-encode them")
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError:
        raise ValueError(FORM) from None
    if parts.fragment or "@" in parts.path + parts.query:
        raise ValueError(FORM)
    given = _options(parts.query)
    tls_options = {name: value for name, value in given.items() if name.startswith("ssl_")}
    return RedisUrl(
        host=unquote(parts.hostname or "localhost"),
        port=port or 6379,
        database=given["db"] if "db" in given else _database("", unquote(parts.path).strip("/") or "0"),
        username=unquote(parts.username or "") or given.get("username"),
        password=unquote(parts.password or "") or given.get("password"),
        tls=_tls(is_wanted=parts.scheme == "rediss", options=tls_options),
    )


def _options(query: str) -> dict[str, Any]:
    options: dict[str, Any] = {}
    for name, value in parse_qsl(query, keep_blank_values=True):
        if name not in OPTIONS or name in options:
            raise ValueError(f"behind the ? only these, each once: {', '.join(OPTIONS)}")
        options[name] = OPTIONS[name](name, value)
    return options


def _tls(*, is_wanted: bool, options: dict[str, Any]) -> Tls | None:
    if not is_wanted:
        if options:
            raise ValueError("rediss:// where ssl_ options are given: redis:// is without TLS")
        return None
    tls = Tls(**options)
    if tls.ssl_cert_reqs is ssl.CERT_NONE:
        if options.get("ssl_check_hostname"):
            raise ValueError("ssl_cert_reqs=required where ssl_check_hostname=true is given")
        return Tls(**options | {"ssl_check_hostname": False})
    return tls
