"""A Redis URL, read once and strictly, so that it means the same for Celery's broker and for duplicates.

kombu and redis-py read one URL in two ways: kombu checks no certificate unless told to, each has spellings that the
other does not know, and both take some mistakes in silence.
"""

import re
import ssl
from dataclasses import asdict, dataclass, field, fields
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

#: Keeps remote control within the process that asks: none at all.
MEMORY = "memory://"

#: Options that hold no secret.
OPEN_OPTION = re.compile(r"(?:ssl_(?:cert_reqs|check_hostname|ca_certs|ca_path|certfile|keyfile)|db)=[^?#\s]*")

FORM = "a URL like redis://USER:PASSWORD@HOST:6379/0, with each of @ : / ? # [ ] % in the password percent-encoded"

#: Options that are no text. Of the first, redis-py's words and Celery's.
WORDS: dict[str, dict[str, Any]] = {
    "ssl_cert_reqs": {
        "required": ssl.CERT_REQUIRED,
        "optional": ssl.CERT_OPTIONAL,
        "none": ssl.CERT_NONE,
        "CERT_REQUIRED": ssl.CERT_REQUIRED,
        "CERT_OPTIONAL": ssl.CERT_OPTIONAL,
        "CERT_NONE": ssl.CERT_NONE,
    },
    "ssl_check_hostname": {"true": True, "false": False, "yes": True, "no": False, "1": True, "0": False},
}


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
        return options | ({"ssl": True} | asdict(self.tls) if self.tls else {})

    def broker_options(self) -> dict[str, Any]:
        """For `kombu.Connection`."""
        return {
            "transport": "rediss" if self.tls else "redis",
            "hostname": self.host,
            "port": self.port,
            "virtual_host": str(self.database),
            "userid": self.username,
            "password": self.password,
            "ssl": asdict(self.tls) if self.tls else False,
        }


#: What may stand behind the `?`.
OPTIONS = (*(each.name for each in fields(Tls)), "db", "username", "password")


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
    options = _options(parts.query)
    return RedisUrl(
        host=unquote(parts.hostname or "localhost"),
        port=port or 6379,
        database=_database(options.get("db", unquote(parts.path).strip("/") or "0")),
        username=unquote(parts.username or "") or options.get("username"),
        password=unquote(parts.password or "") or options.get("password"),
        tls=_tls({name: value for name, value in options.items() if name.startswith("ssl_")}, parts.scheme),
    )


def _options(query: str) -> dict[str, str]:
    options: dict[str, str] = {}
    for name, value in parse_qsl(query, keep_blank_values=True):
        if name not in OPTIONS or name in options:
            raise ValueError(f"behind the ? only these, each once: {', '.join(OPTIONS)}")
        if not value and name not in ("db", *WORDS):
            raise ValueError(f"{name} to have a value")
        options[name] = value
    return options


def _database(digits: str) -> int:
    if not (digits.isascii() and digits.isdigit()):
        raise ValueError("a number as the database: redis://HOST:6379/0")
    return int(digits)


def _tls(options: dict[str, str], scheme: str) -> Tls | None:
    if scheme != "rediss":
        if options:
            raise ValueError("rediss:// where ssl_ options are given: redis:// is without TLS")
        return None
    read: dict[str, Any] = {name: _word(name, value) if name in WORDS else value for name, value in options.items()}
    if read.get("ssl_cert_reqs") is ssl.CERT_NONE and read.setdefault("ssl_check_hostname", False):
        raise ValueError("ssl_cert_reqs=required where ssl_check_hostname=true is given")
    return Tls(**read)


def _word(name: str, value: str) -> Any:
    words = WORDS[name]
    word = value.lower() if name == "ssl_check_hostname" else value
    if word not in words:
        raise ValueError(f"{name} to be one of {', '.join(words)}")
    return words[word]


def hide_password(value: Any) -> Any:
    """`redis://user:secret@host` -> `redis://***@host`; what is no URL may hold a password too.

    Of the options behind the `?` only those that hold no secret are shown.
    """
    if not isinstance(value, str):
        return value
    address, question, query = value.partition("?")
    shown = re.sub(r"^([a-z]+:?//)?.*@", r"\1***@", address, flags=re.DOTALL)
    shown = re.sub(r"^([a-z]+://[^:/\[]*):(?!\d{1,5}(?:/|$)).*", r"\1:***", shown, flags=re.DOTALL)  # no port
    if not question:
        return shown
    if "@" in query:  # the ? stood in a password
        return "***@" + query.rpartition("@")[2].partition("?")[0]
    return f"{shown}?" + "&".join(each if OPEN_OPTION.fullmatch(each) else "***" for each in query.split("&"))
