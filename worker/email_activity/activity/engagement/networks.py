"""Whose network an address is in, of those who filter mail. Pure, but for reading `lists/networks.toml` once."""

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cache, lru_cache
from importlib.resources import files
from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import Any

#: Addresses of which the network is remembered: scanners come from few, and readers open an email several times.
REMEMBERED = 16_384


@dataclass(frozen=True, slots=True)
class Filter:
    """Who filters mail. only_filters: nobody reads mail from its networks, so no event from there is a person's."""

    name: str
    only_filters: bool
    source: str


@lru_cache(maxsize=REMEMBERED)
def filter_of(ip: str) -> Filter | None:
    """ip: an address, or the network that is kept of one; the latter has to be within a filter's as a whole.

    None for what is neither, too.
    """
    try:
        source = ip_network(ip)
    except ValueError:
        return None
    if source.version == 6 and source.network_address.ipv4_mapped:  # noqa: PLR2004  the family of addresses
        source = ip_network((source.network_address.ipv4_mapped, max(0, source.prefixlen - 96)), strict=False)
    first, length = source.network_address, source.prefixlen
    near = _networks().get((source.version, first.packed[0]), ())
    return next((found for network, found in near if length >= network.prefixlen and first in network), None)


@cache
def _networks() -> Mapping[tuple[int, int], Sequence[tuple[IPv4Network | IPv6Network, Filter]]]:
    """By family and first byte, so that an address is compared with few. No network spans two first bytes."""
    found: dict[tuple[int, int], list[tuple[IPv4Network | IPv6Network, Filter]]] = {}
    for row in _table()["filter"]:
        filter_ = Filter(row["name"], row["only_filters"], row["source"])
        for network in map(ip_network, row["networks"]):
            found.setdefault((network.version, network.network_address.packed[0]), []).append((network, filter_))
    return found


def checked_on() -> date:
    """When somebody last compared the networks with their sources."""
    checked: date = _table()["checked"]
    return checked


@cache
def _table() -> dict[str, Any]:
    return tomllib.loads(files("email_activity.activity.engagement").joinpath("lists/networks.toml").read_text("utf-8"))
