"""Mailboxes, and the ways in which RFC 5322 lets one be written: for hypothesis to draw from."""

import re

from hypothesis import strategies as st

ATEXT = "abcxyz019!#$%&'*+-/=?^_`{|}~"
ATOM = re.compile(r"[a-z0-9!#$%&'*+/=?^_`{|}~-]+(\.[a-z0-9!#$%&'*+/=?^_`{|}~-]+)*")

#: The value of a local part, without quotes; and the domain.
mailboxes = st.tuples(
    st.text(st.sampled_from(ATEXT + '.() <>@,;:[]"\\'), min_size=1, max_size=12),
    st.lists(st.text("abc19", min_size=1, max_size=5), min_size=1, max_size=3).map(".".join),
)

comments = st.recursive(
    st.text(st.sampled_from("ab .,;:@<>"), max_size=6), lambda inner: inner.map("({})".format), max_leaves=3
).map("({})".format)
#: Comments and folding white space.
cfws = st.lists(st.sampled_from(["", " ", "\t", "\r\n "]) | comments, max_size=2).map("".join)
displays = st.sampled_from(["", "Jon", "Jon Lee ", "Lee, Jon ", '"Lee, Jon" ', '"jon@other.example" ', '"a \\" <b" '])
routes = st.sampled_from(["", "", "@relay.example:", "@relay.example, @other.example : "])


@st.composite
def spellings(draw: st.DrawFn, local: str, domain: str) -> str:
    written = _local(draw, local)
    parts = "".join(f"{draw(cfws)}.{draw(cfws)}" if each == "." else each for each in re.split(r"(\.)", domain))
    address = f"{draw(cfws)}{written}{draw(cfws)}@{draw(cfws)}{parts}{draw(cfws)}"
    if draw(st.booleans()):
        return f"{draw(displays)}<{draw(routes)}{address}>{draw(cfws)}"
    return draw(st.sampled_from(["{}", "Team: {};"])).format(address)


def _local(draw: st.DrawFn, local: str) -> str:
    """Quoted where it must be, and by chance; within quotes, any character may be escaped."""
    if ATOM.fullmatch(local) and draw(st.booleans()):
        words = re.split(r"(\.)", local)
        return "".join(f"{draw(cfws)}.{draw(cfws)}" if each == "." else each for each in words)
    must = {'"', "\\"}
    return '"' + "".join("\\" + each if each in must or draw(st.booleans()) else each for each in local) + '"'
