"""The lists that the judgement of opens and clicks ships with."""

import json
import tomllib
import warnings
from datetime import UTC, date, datetime, timedelta
from importlib.resources import files
from ipaddress import ip_network
from pathlib import Path

import pytest

from cputime import takes_at_most
from email_activity.activity.engagement import RULES
from email_activity.activity.engagement.agents import _agent_of, agent_of
from email_activity.activity.engagement.networks import Filter, checked_on, filter_of

LISTS = files("email_activity.activity.engagement").joinpath("lists")
A_YEAR = timedelta(days=365)


def days_over(checked: date, today: date) -> int:
    return (today - checked - A_YEAR).days


def test_networks_that_nobody_compared_for_a_year_are_told_of():
    """A warning only: no commit fails because a year is over."""
    assert days_over(date(2026, 1, 1), date(2027, 1, 1)) == 0
    assert days_over(date(2026, 1, 1), date(2027, 1, 2)) == 1
    if (over := days_over(checked_on(), datetime.now(UTC).date())) > 0:
        with warnings.catch_warnings():
            warnings.simplefilter("default")
            warnings.warn(f"networks.toml was to be compared with its sources {over} days ago", stacklevel=1)


@pytest.mark.parametrize("name", ["readers", "robots", "crawlers"])
def test_each_list_says_where_it_comes_from_and_each_of_its_texts_leads_to_an_expression(name):
    head, *rows = map(json.loads, LISTS.joinpath(f"{name}.jsonl").read_text("utf-8").splitlines())
    assert head.keys() == {"what", "source", "licence", "copyright", "changed", "made"}
    assert date.fromisoformat(head["made"])
    assert all(title and texts for title, _, texts in rows)


def test_networks_are_found_by_address_in_both_families_and_in_one_within_the_other():
    found = {ip: (filter_of(ip) or RULES[0]) for ip in ("40.107.1.2", "::ffff:40.107.1.2", "2a01:111:f400::9")}
    assert {each.name for each in found.values()} == {"Microsoft's mail filter"}
    assert [filter_of(ip) for ip in ("203.0.113.7", "2001:db8::1", "", "no address")] == [None] * 4


def test_the_network_of_an_address_is_a_filters_only_as_a_whole():
    wholly, partly = ("40.107.1.0/24", "2a01:111:f400::/48"), ("52.238.78.0/24", "3.24.133.0/24", "40.92.0.0/14")
    assert {filter_of(network).name for network in wholly} == {"Microsoft's mail filter"}
    assert [filter_of(network) for network in (*partly, "40.107.1.2/24", "::ffff:52.238.78.88/125")] == [None] * 5


def test_each_filter_says_its_source_and_each_network_is_found_from_end_to_end():
    for row in tomllib.loads(LISTS.joinpath("networks.toml").read_text("utf-8"))["filter"]:
        assert row["source"]
        for network in map(ip_network, row["networks"]):
            ends = {filter_of(str(network[0])), filter_of(str(network[-1]))}
            assert ends == {Filter(row["name"], row["only_filters"], row["source"])}, network


def test_exchange_online_is_no_filter():
    """Outlook on the web loads images from there. https://learn.microsoft.com/microsoft-365/enterprise"""
    assert [filter_of(ip) for ip in ("52.96.182.44", "40.96.1.1", "13.107.6.152")] == [None] * 3


def test_an_agent_says_its_system_and_whether_it_is_a_phone():
    assert agent_of("Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 Chrome/149.0 Mobile Safari/537.36").is_phone
    assert agent_of("Mozilla/5.0 (Windows NT 10.0; Win64; x64) Gecko/20100101 Firefox/140.0").system == "Windows"


def test_the_document_tells_each_rule_with_its_class_and_confidence():
    text = (Path(__file__).parents[2] / "docs/engagement.md").read_text("utf-8")
    for rule in RULES:
        star = " *" if rule.is_timed else ""
        assert f"| `{rule.id}`{star} | {rule.class_} | {rule.confidence} |" in text
        assert f"| {rule.source} |" in text


@pytest.mark.parametrize("pattern", ["a", "a.", "a@", "image", "Mozilla/5.0 (", "-", "bot", "\u0130", "+ http", "(("])
@pytest.mark.parametrize("size", [512, 100_000])
def test_an_agent_of_any_length_takes_little_time(pattern, size):
    """Whoever opens an email chooses it; the time is what DynamoDB takes for an email."""
    agent_of("lists are read once")

    def look() -> None:
        _agent_of.cache_clear()
        agent_of((pattern * size)[:size])

    assert takes_at_most(0.01, look)
