"""Mailboxes, and the ways in which people, servers and RFC 5322 let one be written."""

import re

from hypothesis import strategies as st

JON = "jon@client.example"

#: What servers, mail programs and people write around and within an address; all of it names `jon@client.example`.
SPELLINGS_OF_JON = (
    "<jon@client.example",
    "jon@client.example>",
    "<<jon@client.example>>",
    "<jon@client.example> Jon Lee",
    "jon@client.example <>",
    "jon@client.example <jon@client.example>",
    "Lee, Jon <jon@client.example>",
    '"Lee, Jon" <jon@client.example>',
    '"Jon \\" Lee <x" <jon@client.example>',
    "ben@client.example <jon@client.example>",
    '"ben@client.example" <jon@client.example>',
    "jon@client.example (Jon Lee)",
    "(Jon Lee) jon@client.example",
    "jon(Lee (the younger \\) one))@client.example",
    "jon@(their host)client.example",
    "jon@client(x).(y)example",
    "jon@client.example (Jon",
    "(jon@client.example)",
    "((jon@client.example))",
    "(jon@client.example",
    "jon@client.example)",
    "[jon@client.example]",
    "[jon@client.example",
    "{jon@client.example}",
    "'jon@client.example'",
    "'jon@client.example' <jon@client.example>",
    "\u201cjon@client.example\u201d",
    '"jon@client.example"',
    '"<jon@client.example>"',
    '<"jon@client.example">',
    '\\"jon@client.example\\"',
    '"jon@client.example',
    '"jon"@client.example',
    '"j\\on"@client.example',
    '"jo\r\nn"@client.example',
    "mailto:jon@client.example",
    "<mailto:jon@client.example>",
    "MAILTO:jon@client.example?subject=Invoice&cc=ben@client.example",
    "mailto:jon%40client.example",
    "rfc822;jon@client.example",
    "RFC822; <jon@client.example>",
    "smtp:jon@client.example",
    "jon@client.example.",
    "jon@client.example..",
    "<jon@client.example.>",
    "jon@client.example;",
    "jon@client.example,",
    "jon@client.example, jon@client.example",
    "Team: jon@client.example;",
    "<@relay.example:jon@client.example>",
    "Jon <@relay.example,@other.example:jon@client.example>",
    "\tjon@client.example\t",
    "jon @ client . example",
    "jon\r\n @client.example",
    "\u00a0jon@client.example\u3000",
    "\ufeffjon@client.example",
    "jon\u200b@client.example",
    "jon@client\u200d.example",
    "jon\u00ad@\u2060client.example",
    "\u202ajon@client.example\u202c",
    "jon\uff20client.example",
    "jon\ufe6bclient\uff0eexample",
    "jon@client\u3002example",
    "\uff1cjon@client.example\uff1e",
    "\uff2a\uff4f\uff4e@\uff43\uff4c\uff49\uff45\uff4e\uff54.example",
)

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
