"""A table of an older shape is refused: its writes would succeed, and its readers miss them."""

import pytest

from email_activity.domain.indexes import INDEXES, refuse_older
from email_activity.settings import SettingsError


def described(*names: str) -> dict:
    return {"TableName": "facts", "GlobalSecondaryIndexes": [{"IndexName": name} for name in names]}


def test_a_table_with_all_indexes_is_taken():
    refuse_older(described(*INDEXES, "somebody_elses"))


@pytest.mark.parametrize("missing", INDEXES)
def test_a_table_that_lacks_an_index_is_refused_with_one_line(missing):
    with pytest.raises(SettingsError, match=missing) as refused:
        refuse_older(described(*(name for name in INDEXES if name != missing)))
    assert "\n" not in str(refused.value)
    assert str(refused.value).startswith("ACTIVITY_TABLE: got 'facts', which lacks the index")


def test_a_table_without_indexes_is_refused():
    with pytest.raises(SettingsError, match=r"by_document, .*by_failure_day"):
        refuse_older({"TableName": "facts"})
