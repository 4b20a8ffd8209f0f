"""Written to spoken on the cases of strangers and on our own: share acceptable to a listener, a kind at a time.

Beside ours the figures of `wetext`, where it is installed (pip install wetext==0.1.8); what only a front end can show
(warnings, sounds of letters) is left out for it. Own cases were written with the rules in view: only tables given as
arguments tell how other texts fare.

python benchmarks/cases.py [TABLE …]
"""

import sys
from collections import defaultdict
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

from report import environment, write_result
from written import Case, Say, acceptable, read_cases

from glmtts.bundle import Bundle
from glmtts.text.frontend import TextFrontend
from glmtts.text.normalise import normalise

OWN = Path(__file__).parents[1] / "tests" / "text"


def own_cases() -> dict[str, list[Case]]:
    """Our sets by name; the older ones have no kinds."""
    sets = {path.stem: read_cases(path) for path in sorted((OWN / "data").glob("cases_*.tsv"))}
    for language in ("en", "zh"):
        lines = (OWN / f"normalisation_{language}.tsv").read_text(encoding="utf-8").splitlines()
        sets[f"normalisation_{language}"] = [Case(language, "all", *line.split("\t")) for line in lines]
    return sets


@cache
def wetext(language: str) -> Say | None:
    """The normaliser of `wetext` for a language, None where it is not installed."""
    try:
        from wetext import Normalizer
    except ImportError:
        return None
    return Normalizer(lang=language, operator="tn").normalize


def shares(cases: list[Case], say: Callable[[str], Say | None], front: TextFrontend | None) -> dict[str, Any]:
    """Cases and percent acceptable by language and kind and in total, and the cases that are not."""
    counts: dict[str, list[int]] = defaultdict(lambda: [0, 0])
    wrong = []
    for case in cases:
        speak = say(case.language)
        right = None if speak is None else acceptable(case, _safe(speak), front)
        if right is None:
            continue
        for group in (f"{case.language} {case.kind}", case.language, "total"):
            counts[group][0] += 1
            counts[group][1] += right
        if not right and speak is not None:
            wrong.append({"written": case.written, "accepted": case.spoken, "said": _safe(speak)(case.written)})
    percent = {group: {"cases": n, "percent": round(100 * good / n, 1)} for group, (n, good) in sorted(counts.items())}
    return {"shares": percent, "failures": wrong}


def _safe(speak: Say) -> Say:
    """What raises says nothing."""

    def say(text: str) -> str:
        try:
            return speak(text)
        except Exception:
            return ""

    return say


def below(ours: dict[str, Any], theirs: dict[str, Any]) -> list[str]:
    """Kinds in which ours is below."""
    return [kind for kind, share in theirs["shares"].items() if share["percent"] > ours["shares"][kind]["percent"]]


def main() -> None:
    front = Bundle.open().frontend()
    sets = {Path(name).stem: read_cases(Path(name)) for name in sys.argv[1:]} | own_cases()
    result = environment()
    for name, cases in sets.items():
        ours = shares(cases, lambda language: lambda text: normalise(text, language), front)
        result[name] = {"ours": ours}
        if wetext("en") is not None:
            theirs = shares(cases, wetext, None)
            result[name] |= {"wetext": theirs["shares"], "kinds_below_wetext": below(ours, theirs)}
    write_result("cases", result)


if __name__ == "__main__":
    main()
