"""Settings of `email-activity web`, read from the environment as those of the worker (`settings.py`)."""

from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from typing import Annotated, Any, Literal, Self

from pydantic import Field, model_validator

from email_activity.settings import Environment, SettingsError, checked, list_of, listed, read_settings

#: Requests that are worked on at once; each folds with a few threads.
MAX_AT_ONCE = 8

LOOPBACK_NAMES = frozenset({"localhost", "127.0.0.1", "[::1]"})


def _are_networks(value: str) -> bool:
    try:
        return bool([ip_network(each) for each in listed(value)])
    except ValueError:
        return False


TokenHashes = Annotated[
    str, list_of("[0-9a-f]{64}", "comma-separated hashes, as `email-activity web --new-token` prints them")
]
HeaderName = Annotated[str, checked(lambda value: value.replace("-", "").isalnum(), "the name of a header")]
Networks = Annotated[
    str, checked(_are_networks, "comma-separated IP addresses or networks, for instance 10.0.1.0/24 (no host bits)")
]
Hosts = Annotated[
    str,
    list_of(
        r"[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?|\[[0-9A-Fa-f:.]+\]",
        "comma-separated host names without scheme, port or *",
    ),
]


class WebSettings(Environment):
    web_token_hashes: TokenHashes | None = Field(
        None, description="comma-separated SHA-256 of bearer tokens; `email-activity web --new-token` makes one"
    )
    web_user_header: HeaderName | None = Field(
        None, description="header in which a trusted proxy names the user who has logged in there"
    )
    web_trusted_proxies: Networks | None = Field(
        None, description="comma-separated IP networks; the user header counts from these only"
    )
    web_allowed_hosts: Hosts | None = Field(
        None, description="comma-separated names under which the API is asked; those of loopback when not set"
    )

    log_format: Literal["auto", "json", "console"] = Field("auto", description="as the worker's")

    @model_validator(mode="after")
    def _header_and_proxies_go_together(self) -> Self:
        if bool(self.web_user_header) != bool(self.web_trusted_proxies):
            raise ValueError(
                "WEB_USER_HEADER and WEB_TRUSTED_PROXIES: got one of them, want both or neither: the header "
                "counts only from a trusted proxy"
            )
        return self

    @property
    def token_hashes(self) -> frozenset[str]:
        return listed(self.web_token_hashes)

    @property
    def trusted_proxies(self) -> tuple[IPv4Network | IPv6Network, ...]:
        return tuple(ip_network(each) for each in sorted(listed(self.web_trusted_proxies)))

    @property
    def allowed_hosts(self) -> frozenset[str]:
        """In lower case."""
        return listed((self.web_allowed_hosts or "").lower()) or LOOPBACK_NAMES

    @property
    def has_login(self) -> bool:
        return bool(self.web_token_hashes or self.web_user_header)

    def shown(self) -> dict[str, Any]:
        """Every variable and its value; the hashes open nothing, but need not be seen."""
        return {name.upper(): value and ("***" if "token" in name else value) for name, value in self}


def load_web_settings(host: str) -> WebSettings:
    """host: the address to listen at. Raises SettingsError where anybody could read."""
    settings = read_settings(WebSettings, {})
    lines = []
    if not is_loopback(host) and not settings.has_login:
        lines.append(
            f"--host {host}: without a login it answers on 127.0.0.1, ::1 or localhost only; set WEB_TOKEN_HASHES "
            "(`email-activity web --new-token` makes one), or WEB_USER_HEADER and WEB_TRUSTED_PROXIES"
        )
    elif not is_loopback(host) and not settings.web_allowed_hosts:
        lines.append(f"WEB_ALLOWED_HOSTS: not set, want the names under which it is asked at --host {host}")
    elif settings.allowed_hosts - LOOPBACK_NAMES and not settings.has_login:
        lines.append(
            f"WEB_ALLOWED_HOSTS: got {settings.web_allowed_hosts!r}, want it together with WEB_TOKEN_HASHES, or "
            "WEB_USER_HEADER and WEB_TRUSTED_PROXIES: only loopback goes without a login"
        )
    if lines:
        raise SettingsError("\n".join(lines))
    return settings


def is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False
