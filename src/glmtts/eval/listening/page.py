"""The page of a listening test: one file of HTML, the clips beside it, and the key in a folder of its own."""

import hashlib
import json
from collections.abc import Sequence
from html import escape
from importlib.resources import files
from pathlib import Path
from tempfile import TemporaryDirectory

from glmtts.errors import EvaluationError
from glmtts.eval.listening.files import read_key
from glmtts.eval.listening.trials import Kind, Trials, make_trials
from glmtts.eval.report.html import page
from glmtts.eval.results import Results
from glmtts.eval.work import writable, write_text
from glmtts.places import is_file

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
            named twice; `out` cannot be written, or has the key of another test.
    """
    if kind == "preference" and len(systems) < 2:
        raise EvaluationError("A preference needs two systems or more. Name them with --system.")
    if len(set(systems)) < len(systems):
        raise EvaluationError("A system is named twice, and would be compared with itself. Name each once.")
    results = Results.load(run)
    with writable(out):
        out.mkdir(parents=True, exist_ok=True)
        made = TemporaryDirectory(prefix=".page-", dir=out)
    # apart, until it is known that no other test lies here: its clips would be mixed with these
    with made as folder:
        trials = make_trials(results, run, systems, kind, lines, Path(folder), seed)
        # the names of the clips are hashes of their samples: answers of another run's clips are none of this test
        name = hashlib.sha256(json.dumps([trials.key, trials.public]).encode()).hexdigest()[:12]
        _check_free(out / KEY, name)
        _move(Path(folder) / "audio", out / "page" / "audio")
    _write(trials, name, kind, systems, out)
    return len(trials.public)


def _check_free(path: Path, test: str) -> None:
    """Raises EvaluationError where the key of another test lies there: its answers could not be analysed any more."""
    if not is_file(path, EvaluationError):
        return
    try:
        same = read_key(path).test == test
    except EvaluationError:
        same = False
    if not same:
        raise EvaluationError(f"{path} is of another test, whose answers need it. Give another --out.")


def _move(clips: Path, folder: Path) -> None:
    with writable(folder):
        folder.mkdir(parents=True, exist_ok=True)
        for clip in clips.iterdir():
            clip.replace(folder / clip.name)


def _write(trials: Trials, name: str, kind: Kind, systems: Sequence[str], out: Path) -> None:
    """Write the page and the key of a test."""
    test = {"id": name, "question": QUESTIONS[kind], "instructions": INSTRUCTIONS, "trials": trials.public}
    folder = files("glmtts.eval.listening")
    script, style = ((folder / file).read_text("utf-8") for file in ("page.js", "page.css"))
    # a text with </script> in it would end the element that holds it
    data = json.dumps(test, ensure_ascii=False).replace("<", "\\u003c")
    body = (
        f"<h1>Listening test</h1><main id='main'></main><noscript>{escape('This page needs JavaScript.')}</noscript>"
        f"<script type='application/json' id='test'>{data}</script><script>{script}</script>"
    )
    write_text(out / "page" / "index.html", page("Listening test", style, body))
    key = {"test": name, "kind": kind, "systems": list(systems), "trials": trials.key}
    write_text(out / KEY, json.dumps(key, ensure_ascii=False, indent=1) + "\n")
