"""The page of a listening test: one file of HTML, the clips beside it, and the key in a folder of its own."""

import hashlib
import json
from collections.abc import Sequence
from html import escape
from importlib.resources import files
from pathlib import Path

from glmtts.errors import EvaluationError
from glmtts.eval.listening.trials import Kind, make_trials
from glmtts.eval.report.html import page
from glmtts.eval.results import Results
from glmtts.eval.work import write_text

QUESTIONS = {"mos": "How natural does it sound?", "preference": "Which of the two do you prefer?"}
INSTRUCTIONS = (
    "You will hear short recordings, some of people and some made by machines. Judge what you hear, not what is said. "
    "Set the volume once, and leave it. You can close this page and come back: your answers stay in this browser."
)
KEY = "key.json"


def make_page(run: Path, systems: Sequence[str], kind: Kind, lines: int, out: Path, seed: int) -> int:
    """Write `out`/page/ (index.html and audio/, to be put on any web server) and `out`/key.json (not to be).

    Gives the number of trials.

    Raises:
        EvaluationError: the run has no results, or not of these systems; preference has one system only, or one is
            named twice; `out` cannot be written.
    """
    if kind == "preference" and len(systems) < 2:
        raise EvaluationError("A preference needs two systems or more. Name them with --system.")
    if len(set(systems)) < len(systems):
        raise EvaluationError("A system is named twice, and would be compared with itself. Name each once.")
    results = Results.load(run)
    trials = make_trials(results, run, systems, kind, lines, out / "page", seed)
    # the names of the clips are hashes of their samples: answers of another run's clips are none of this test
    name = hashlib.sha256(json.dumps([trials.key, trials.public]).encode()).hexdigest()[:12]
    test = {"id": name, "question": QUESTIONS[kind], "instructions": INSTRUCTIONS, "trials": trials.public}
    folder = files("glmtts.eval.listening")
    script, style = ((folder / name).read_text("utf-8") for name in ("page.js", "page.css"))
    # a text with </script> in it would end the element that holds it
    data = json.dumps(test, ensure_ascii=False).replace("<", "\\u003c")
    body = (
        f"<h1>Listening test</h1><main id='main'></main><noscript>{escape('This page needs JavaScript.')}</noscript>"
        f"<script type='application/json' id='test'>{data}</script><script>{script}</script>"
    )
    write_text(out / "page" / "index.html", page("Listening test", style, body))
    key = {"test": name, "kind": kind, "systems": list(systems), "trials": trials.key}
    write_text(out / KEY, json.dumps(key, ensure_ascii=False, indent=1) + "\n")
    return len(trials.public)
