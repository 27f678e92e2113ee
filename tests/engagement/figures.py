"""What judges' verdicts are worth: confusion, precision and recall. Pure arithmetic."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from engagement.cases import CLASSES, Case, Label


@dataclass(frozen=True, slots=True)
class Judged:
    """A label, and what a judge said."""

    case: Case
    label: Label
    said: str

    @property
    def right(self) -> bool:
        return self.said in self.label.right


@dataclass(frozen=True, slots=True)
class Share:
    """of: how many there are; None as a share where there are none."""

    right: int
    of: int

    @property
    def share(self) -> float | None:
        return self.right / self.of if self.of else None


@dataclass(frozen=True, slots=True)
class Figures:
    """confusion: how many of a label were said to be of a class.

    precision: of all that were said to be of a class, those where that is right. recall: of all that are labelled so,
    those where the judge is right, by the label or by what an expert may say as well.
    untouched: emails of which each label is `machine`; right: not read as opened or clicked by a person.
    """

    events: int
    confusion: Mapping[tuple[str, str], int]
    precision: Mapping[str, Share]
    recall: Mapping[str, Share]
    accuracy: Share
    untouched: Share
    persons_called_machine: tuple[Judged, ...]
    wrong: tuple[Judged, ...]


def figures(judged: Iterable[Judged]) -> Figures:
    judged = list(judged)
    return Figures(
        events=len(judged),
        confusion=Counter((each.label.label, each.said) for each in judged),
        precision={name: _right(each for each in judged if each.said == name) for name in CLASSES},
        recall={name: _right(each for each in judged if each.label.label == name) for name in CLASSES},
        accuracy=_right(judged),
        untouched=_untouched(judged),
        persons_called_machine=tuple(
            each for each in judged if each.label.label == "person" and each.said == "machine" and not each.right
        ),
        wrong=tuple(each for each in judged if not each.right),
    )


def _right(judged: Iterable[Judged]) -> Share:
    rights = [each.right for each in judged]
    return Share(sum(rights), len(rights))


def _untouched(judged: Sequence[Judged]) -> Share:
    emails: dict[str, list[Judged]] = {}
    for each in judged:
        emails.setdefault(each.case.email_of(each.label), []).append(each)
    untouched = [each for each in emails.values() if all(event.label.label == "machine" for event in each)]
    return Share(sum(not any(event.said == "person" for event in each) for each in untouched), len(untouched))
