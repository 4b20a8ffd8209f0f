"""All tables of docs/evaluation_figures.md by one command; it goes on where it was stopped.

    python recipes/evaluation/evaluate.py --corpus CORPUS --whisper FOLDER --models MODELS --text TEXT --out WORK

CORPUS holds heldout_teacher_en/ and heldout_teacher_zh/ and the folders of held-out speakers, FOLDER a CTranslate2
Whisper-base, MODELS nisqa/ (non-commercial weights, for measuring), TEXT cpp_test.tsv, the
homographs, and sentences.json of hsk-sentences-audio. The steps are in steps.toml; `--only` runs some of them, and the
page has what was finished. What the page is made of goes to benchmarks/results/evaluation/.
"""

import shlex
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

from figures import tables

from glmtts.errors import EvaluationError
from glmtts.eval.results import RESULTS, Results
from glmtts.eval.work import write_text
from glmtts.programs import a_folder, file_to_write, folder_to_fill, parser_of, run_program, whole_from

HERE = Path(__file__).parent
PAGE = HERE.parents[1] / "docs" / "evaluation_figures.md"
KEPT = HERE.parents[1] / "benchmarks" / "results" / "evaluation"
TESTS = HERE.parents[1] / "tests" / "text"
BEGIN = "<!-- figures: written by recipes/evaluation/evaluate.py -->"


def run(step: dict[str, Any], places: dict[str, str], processes: int) -> None:
    """Run one step, and before it the exports that it asks for, where they are not there yet."""
    for folder, *options in step.get("exports", ()):
        if not Path(folder.format(**places)).exists():
            command = [sys.executable, "-m", "glmtts", "export-onnx", folder.format(**places), *options]
            subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    arguments = [text.format(**places) for text in step["arguments"]]
    command = [sys.executable, "-m", "glmtts", "eval", *arguments, "-o", str(Path(places["out"]) / step["name"])]
    if step["name"] not in ("text", "streaming") and processes > 1:  # times need one process
        command += ["--processes", str(processes)]
    print(shlex.join(command), flush=True)
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)


def section(step: dict[str, Any], results: Results) -> str:
    """A step's part of the page."""
    tests = str(TESTS.relative_to(HERE.parents[1]))  # in the repository; the other places are the reader's own
    named = (argument.replace("{tests}", tests) for argument in step["arguments"])
    shown = shlex.join(argument.replace("{", "").replace("}", "") for argument in named)
    text = f"### {step['title']}\n\n" + (f"{step['text']}\n\n" if step["text"] else "")
    made = [f"glm-tts export-onnx {shlex.join(one)}\n".replace("{out}", "out") for one in step.get("exports", ())]
    text += f"```bash\n{''.join(made)}glm-tts eval {shown}\n```\n\n"
    about, kept = results.about, f"../benchmarks/results/evaluation/{step['name']}.json"
    stand_ins = f"Stand-ins: {'; '.join(about['stand_ins'])}. " if about["stand_ins"] else ""
    hardware = f"{about['hardware']}, {about['instruction_set']}, {about['read_gigabytes_a_second']} GB/s"
    text += f"{stand_ins}Commit {about['commit']}, {hardware}; [all figures]({kept}).\n"
    return text + tables(results, step.get("rank", ()))


def main() -> None:
    parser = parser_of(__doc__)
    for name in ("corpus", "whisper", "models", "text"):
        parser.add_argument(f"--{name}", type=a_folder, required=True)
    parser.add_argument("--out", type=folder_to_fill, required=True, help="the folder of the runs")
    parser.add_argument("--only", nargs="*", help="names of steps; none writes the page alone")
    parser.add_argument("--processes", type=whole_from(), default=1)
    parser.add_argument("--page", type=file_to_write, default=PAGE)
    arguments = parser.parse_args()
    names = ("corpus", "whisper", "models", "text", "out")
    places = {name: str(getattr(arguments, name)) for name in names} | {"tests": str(TESTS)}
    steps = tomllib.loads((HERE / "steps.toml").read_text(encoding="utf-8"))["step"]
    if unknown := sorted(set(arguments.only or ()) - {step["name"] for step in steps}):
        raise EvaluationError(
            f"There is no step {', '.join(unknown)}. Known are: {', '.join(s['name'] for s in steps)}."
        )
    for step in steps:
        if arguments.only is None or step["name"] in arguments.only:
            run(step, places, arguments.processes)
    finished = [step for step in steps if (arguments.out / step["name"] / RESULTS).is_file()]
    sections = [section(step, Results.load(arguments.out / step["name"])) for step in finished]
    head = arguments.page.read_text(encoding="utf-8").partition(BEGIN)[0] if arguments.page.is_file() else ""
    write_text(arguments.page, f"{head}{BEGIN}\n\n" + "\n".join(sections))
    for step in finished if arguments.page == PAGE else ():
        results = (arguments.out / step["name"] / RESULTS).read_text(encoding="utf-8")
        write_text(KEPT / f"{step['name']}.json", results)
    print(f"{arguments.page}: {len(finished)} of {len(steps)} steps")


if __name__ == "__main__":
    run_program(main)
