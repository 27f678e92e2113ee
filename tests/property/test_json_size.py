"""Where a look at broken JSON says that no value begins, none does, whatever follows what was looked at."""

import json
from unittest.mock import patch

from hypothesis import given, settings
from hypothesis import strategies as st

from email_activity.replay import json_size
from email_activity.replay.json_size import measure

LEAVES = st.sampled_from([1, True, "a", '{"', "]\\"])
VALUES = st.recursive(LEAVES, lambda deeper: st.lists(deeper) | st.dictionaries(LEAVES.map(str), deeper), max_leaves=40)


@settings(max_examples=500)
@given(value=VALUES, data=st.data())
def test_no_document_begins_where_none_is_said_to(value: object, data: st.DataObject) -> None:
    text = json.dumps(value)
    if data.draw(st.booleans(), label="broken"):
        at = data.draw(st.integers(0, len(text)))
        text = text[:at] + data.draw(st.sampled_from(["}", "]", '"', "x"])) + text[at + 1 :]
    look = data.draw(st.integers(0, len(text)), label="looked at")
    with (
        patch.object(json_size, "MAX_DEPTH", 3),
        patch.object(json_size, "FAR_TOO_DEEP", 6),
        patch.object(json_size, "CUT", 5),
    ):
        looked = measure(text[:look])
        assert not [place for place in looked.hopeless if looked.is_sure and measure(text[place:]).size]
