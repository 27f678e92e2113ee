"""`make engagement-report`: how often each judge is right on the labelled opens and clicks, and where ours is not.

python -m engagement.report [--json] [--show CASE]
"""

import argparse
import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from engagement.cases import CLASSES, HALVES, Case, engagement_of, load
from engagement.figures import Figures, Judged, Share, figures
from engagement.judges import JUDGES, Judge

OURS = next(iter(JUDGES))
FORMS = {
    "as reported": lambda case: case,
    "without isBotEvent": Case.without_flags,
    "STORE_FULL_IP=false": Case.with_networks,
    "STORE_LINK_QUERY=false, links that differ in their queries alone": Case.with_links_alike,
}


def judge_all(judge: Judge, cases: Iterable[Case]) -> Figures:
    return figures(
        Judged(case, label, said) for case in cases for label, said in zip(case.labels, judge(case), strict=True)
    )


def report(halves: Mapping[str, Sequence[Case]]) -> dict[str, dict[str, dict[str, Figures]]]:
    """Figures by half, form and judge."""
    return {
        half: {
            form: {name: judge_all(judge, map(change, cases)) for name, judge in JUDGES.items()}
            for form, change in FORMS.items()
        }
        for half, cases in halves.items()
    }


def as_json(found: Mapping[str, Any]) -> dict[str, Any]:
    return {half: {form: _rows(judges) for form, judges in forms.items()} for half, forms in found.items()}


def _rows(judges: Mapping[str, Figures]) -> dict[str, Any]:
    return {
        name: {
            "events": each.events,
            "right": each.accuracy.right,
            "precision": {class_: share.share for class_, share in each.precision.items()},
            "recall": {class_: share.share for class_, share in each.recall.items()},
            "confusion": {f"{label} as {said}": count for (label, said), count in sorted(each.confusion.items())},
            "untouched_emails": each.untouched.of,
            "untouched_emails_read_as_touched": each.untouched.of - each.untouched.right,
            "persons_called_machine": [_named(judged) for judged in each.persons_called_machine],
            "wrong": [_named(judged) for judged in each.wrong],
        }
        for name, each in judges.items()
    }


def _named(judged: Judged) -> dict[str, Any]:
    event = judged.case.events[judged.label.event]
    return {
        "case": judged.case.id,
        "title": judged.case.title,
        "event": judged.label.event,
        "kind": event["eventType"],
        "label": judged.label.label,
        "also": judged.label.also,
        "said": judged.said,
        "why": judged.label.why,
    }


def as_text(found: Mapping[str, Mapping[str, Mapping[str, Figures]]]) -> str:
    lines = []
    for half, forms in found.items():
        for form, judges in forms.items():
            lines += [f"{half}, {form}: {judges[OURS].events} opens and clicks", *_table(judges), ""]
        lines += [*_confusion(forms["as reported"][OURS]), "", *_mistakes(forms), ""]
    return "\n".join(lines)


def _table(judges: Mapping[str, Figures]) -> list[str]:
    head = f"{'':22}{'machine':^16}{'proxy':^16}{'person':^16}{'persons called':>16}{'untouched emails':>20}"
    below = (
        f"{'':22}{'prec.  recall':^16}{'prec.  recall':^16}{'prec.  recall':^16}{'machine':>16}{'read as touched':>20}"
    )
    return [head, below, *(_row(name, each) for name, each in judges.items())]


def _row(name: str, found: Figures) -> str:
    classes = ("machine", "proxy", "person")
    cells = "".join(
        f"{_per_cent(found.precision[each])}  {_per_cent(found.recall[each])}".center(16) for each in classes
    )
    touched = f"{found.untouched.of - found.untouched.right} of {found.untouched.of}"
    return f"{name:22}{cells}{len(found.persons_called_machine):>16}{touched:>20}"


def _per_cent(share: Share) -> str:
    return "   -  " if share.share is None else f"{share.share:6.1%}"


def _confusion(found: Figures) -> list[str]:
    """Labels down, verdicts across. What an expert may say as well is right, and off the diagonal."""
    head = f"{'label, and said:':22}" + "".join(f"{said:>10}" for said in CLASSES)
    rows = (f"{label:22}" + "".join(f"{found.confusion[label, said]:>10}" for said in CLASSES) for label in CLASSES)
    return [head, *rows]


def _mistakes(forms: Mapping[str, Mapping[str, Figures]]) -> list[str]:
    lines = []
    for form, judges in forms.items():
        persons = judges[OURS].persons_called_machine
        lines.append(f"persons called machine, {form}: {len(persons)}")
        lines += [f"  {each.case.id}: {each.case.title}" for each in persons]
        lines.append(f"wrong, {form}: {len(judges[OURS].wrong)}")
        lines += [f"  {_mistake(each)}" for each in judges[OURS].wrong]
    return lines


def _mistake(judged: Judged) -> str:
    return f"{judged.case.id} event {judged.label.event}: {judged.label.label}, said {judged.said} ({judged.label.why})"


def show(case: Case) -> str:
    """A case as a person reads it."""
    labels = {label.event: label for label in case.labels}
    lines = [f"{case.id}: {case.title} ({case.family})", *(f"  {name}: {at}" for name, at in case.sources.items())]
    for index, event in enumerate(case.events):
        did = engagement_of(event)
        at = event.get(event["eventType"].lower(), {}).get("timestamp") or event["mail"]["timestamp"]
        facts = (did.get("ipAddress"), did.get("userAgent"), did.get("link"), did.get("isBotEvent"))
        lines.append(f"{index:3} {at} {event['eventType']:8} " + " | ".join(filter(None, facts)))
        if index in labels:
            label = labels[index]
            lines.append(
                f"      {label.label}{f' or {label.also}' if label.also else ''}: {label.why} [{label.source}]"
            )
    return "\n".join(lines)


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit code 2 where the arguments name no case."""
    parser = argparse.ArgumentParser(prog="make engagement-report", description="How often each judge is right.")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--show", metavar="CASE", help="print one case instead")
    options = parser.parse_args(arguments)
    halves = {half: load(half) for half in HALVES}
    if options.show:
        chosen = [case for cases in halves.values() for case in cases if case.id == options.show]
        if not chosen:
            parser.error(f"no case is called {options.show}; the lines of rules/ and judging/ name them")
        sys.stdout.write("\n".join(map(show, chosen)) + "\n")
        return 0
    found = report({half: cases for half, cases in halves.items() if cases})
    sys.stdout.write((json.dumps(as_json(found), indent=1) if options.json else as_text(found)) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
