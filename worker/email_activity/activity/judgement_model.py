"""Who opened or clicked, as readers are given it: part of an event (`model.py`). Pure."""

from typing import Any

from pydantic import AliasChoices, BaseModel, ConfigDict, Field

from email_activity.activity.engagement.verdict import Class, Signals

#: `class` in JSON, which is no name in Python.
_CLASS: Any = Field(validation_alias=AliasChoices("class_", "class"), serialization_alias="class")

#: What the opens and clicks of an email were judged by; None where there are none.
Seen = Signals | None


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True, serialize_by_alias=True)


class Reason(_Model):
    """A rule that holds: its id (docs/engagement.md), the class that it speaks for, and why, in words for people."""

    id: str
    class_: Class = _CLASS
    words: str


class Judgement(_Model):
    """Who opened or clicked. The first reason decided; the others hold as well. confidence: 0 to 1.

    ses: SES's own `isBotEvent`; ses_agrees: None where one of the two has no opinion. signals: whether the email was
    judged alone or with others that were read with it. rules: the version of the rules.
    """

    class_: Class = _CLASS
    confidence: float
    reasons: tuple[Reason, ...]
    ses: str | None
    ses_agrees: bool | None
    signals: Signals
    rules: str
