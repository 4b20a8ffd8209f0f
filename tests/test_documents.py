"""What the pages say can be done as written: links, files, commands with their options, settings, names of Python."""

import ast
import re
import shlex
import tomllib
from collections.abc import Iterator
from functools import cache
from importlib import import_module
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import typer

from glmtts.cli import app
from glmtts.config import StrictConfig
from glmtts.data.pipeline.config import PipelineConfig
from glmtts.training.config import RunConfig, load_config
from glmtts.training.registry import create_task

ROOT = Path(__file__).resolve().parents[1]


def found(*patterns: str) -> list[str]:
    """Names of files from the root on."""
    return sorted(path.relative_to(ROOT).as_posix() for pattern in patterns for path in ROOT.glob(pattern))


PAGES = found("*.md", "docs/*.md", "recipes/**/README.md")
PROGRAMS = found("recipes/**/*.py", "recipes/**/*.sh", "benchmarks/*.py", "docs/samples/*.py")
SETTINGS = found("recipes/**/*.toml", "configs/**/*.toml")
FENCED = re.compile(r"^```(\w*)\n(.*?)^```", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\[[^\]]*\]\(([^()\s]+)\)")
CODE = re.compile(r"`([^`\n]+)`")
COMMAND = re.compile(r"[#\s]*((?:[A-Z_]+=\S+ )*(?:(?:\.venv/bin/)?(?:glm-tts|python3?)|accelerate|torchrun) .*)")
FILE = re.compile(r"[\w.-]+(?:/[\w.-]+)+\.(?:py|toml|tsv|txt|json|md|sh|yaml|opus|png)(?:::\w+)?")
# what a reader has, or a command makes; and options of other programs
OWN = re.compile(
    r"(?:my_package|results/PART|text/normalise_XX|custom_nodes|seedtts_testset|whisper-base|frontend|configs/custom_replace|zh|en|TEST)"
)
OTHERS = {"--build-arg", "--stop-timeout", "--no-deps", "--num_processes", "--nproc_per_node"}


@cache
def read(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def prose(name: str) -> str:
    """A page without its blocks of code."""
    return FENCED.sub("", read(name))


@cache
def anchors(name: str) -> set[str]:
    """The anchors that GitHub gives the headings of a page."""
    given: set[str] = set()
    for heading in re.findall(r"^#+ (.+)$", prose(name), re.MULTILINE):
        words = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading).lower()
        plain = re.sub(r"[^\w\- ]", "", words).replace(" ", "-")
        given.add(next(one for one in (plain, *(f"{plain}-{n}" for n in range(1, 99))) if one not in given))
    return given


@pytest.mark.parametrize("page", PAGES)
def test_links_point_at_what_is_there(page: str) -> None:
    for target in LINK.findall(prose(page)):
        name, _, anchor = target.partition("#")
        path = ((ROOT / page).parent / name if name else ROOT / page).resolve()
        assert re.match(r"\w+:", target) or path.exists(), target
        assert not anchor or anchor in anchors(path.relative_to(ROOT).as_posix()), target


@pytest.mark.parametrize("page", PAGES)
def test_files_that_are_named_are_there(page: str) -> None:
    roots = (ROOT, ROOT / "src/glmtts", ROOT / "src", (ROOT / page).parent)
    for code in CODE.findall(prose(page)):
        if FILE.fullmatch(code) and not OWN.match(code):
            name, _, test = code.partition("::")
            places = [root / name for root in roots if (root / name).is_file()]
            assert places, code
            assert f"def {test}" in places[0].read_text(encoding="utf-8") if test else True, code


def lines_of(name: str) -> Iterator[str]:
    """The commands of a page, or of the head of a program or of settings, each as one line."""
    text = read(name)
    if name.endswith(".py"):
        text = ast.get_docstring(ast.parse(text)) or ""
    elif not name.endswith(".md"):
        text = "\n".join(line for line in text.splitlines() if line.startswith("#"))
    for line in re.sub(r"\\\n[#\s]*", " ", text).splitlines():
        if command := COMMAND.fullmatch(line):
            yield command[1]
    yield from (" ".join(one.split()) for one in re.findall(r"`((?:glm-tts|python) [^`]+)`", FENCED.sub("", text)))


def words_of(line: str) -> list[str]:
    """The words of a command, without the marks of what may be left out, and without what comes behind."""
    plain = re.sub(r"(?<= )\[(?=-)|(?<=\w)\](?= |$)|\s+# .*", "", line)
    lexer = shlex.shlex(plain, posix=True, punctuation_chars=True)
    lexer.wordchars += "{}[]…$^:,@!*?=+%"
    lexer.commenters = ""
    words: list[str] = []
    for word in lexer:
        if word[0] in "|&;<>#()":
            break
        words.append(word)
    return words


COMMANDS = {name: [words_of(line) for line in lines_of(name)] for name in (*PAGES, *PROGRAMS, *SETTINGS)}


def of_glm_tts(words: list[str]) -> list[str] | None:
    """The arguments of our command; None where it is another's."""
    if "-m" in words and words[words.index("-m") + 1] == "glmtts":
        return words[words.index("-m") + 2 :]
    return words[1:] if words[0].endswith("glm-tts") else None


@cache
def command_line() -> Any:
    return typer.main.get_command(app)


def check_command(arguments: list[str]) -> None:
    """Raise what the parser says of options that are not there or lack their value, or of one argument too many."""
    command, rest = command_line(), [word for word in arguments if word not in ("…", "--help")]
    while hasattr(command, "commands") and rest and not rest[0].startswith("-"):
        assert rest[0] in command.commands, f"there is no {rest[0]}"
        command = command.commands[rest.pop(0)]
    known = {name: one for one in command.params for name in one.opts}
    if rest and rest[-1] in known and not getattr(known[rest[-1]], "is_flag", True):
        rest.append("VALUE")  # prose names an option alone
    _, left, _ = command.make_parser(typer.Context(command)).parse_args(rest)
    assert not left, f"{left} is too much"


@pytest.mark.parametrize("name", [*PAGES, *PROGRAMS, *SETTINGS])
def test_commands_are_as_the_command_line_has_them(name: str) -> None:
    for words in COMMANDS[name]:
        arguments = of_glm_tts(words)
        if arguments:
            try:
                check_command(arguments)
            except Exception as error:
                raise AssertionError(f"glm-tts {shlex.join(arguments)}: {error}") from error


class Flags(ast.NodeVisitor):
    """The options that a program gives argparse, those in a loop over names too, or that typer makes of arguments."""

    def __init__(self, path: Path) -> None:
        self.known, self._loops, self._folder = {"-h", "--help"}, dict[str, list[str]](), path.parent
        self.visit(ast.parse(path.read_text(encoding="utf-8")))

    def visit_ImportFrom(self, node: ast.ImportFrom) -> None:
        beside = self._folder / f"{node.module}.py"
        if beside.is_file():
            self.known |= Flags(beside).known

    def visit_For(self, node: ast.For) -> None:
        if isinstance(node.target, ast.Name) and isinstance(node.iter, ast.Tuple):
            self._loops[node.target.id] = [one.value for one in node.iter.elts if isinstance(one, ast.Constant)]
        self.generic_visit(node)

    def visit_FunctionDef(self, node: ast.FunctionDef) -> None:
        arguments = [one.arg for one in node.args.args]
        self.known |= {f"--{name.rstrip('_').replace('_', '-')}" for name in arguments}
        self.generic_visit(node)

    def visit_Call(self, node: ast.Call) -> None:
        if isinstance(node.func, ast.Attribute) and node.func.attr == "add_argument":
            for given in node.args:
                if isinstance(given, ast.Constant):
                    self.known.add(given.value)
                elif isinstance(given, ast.JoinedStr):
                    self.known |= {f"--{name}" for names in self._loops.values() for name in names}
        self.generic_visit(node)


@cache
def flags(program: Path) -> set[str]:
    return Flags(program).known


@pytest.mark.parametrize("name", [*PAGES, *PROGRAMS])
def test_programs_are_there_and_take_their_options(name: str) -> None:
    for words in COMMANDS[name]:
        for place, word in enumerate(words):
            if word.startswith(("recipes/", "benchmarks/", "docs/")) and word.endswith(".py"):
                assert (ROOT / word).is_file(), word
                options = {one.partition("=")[0] for one in words[place + 1 :] if one.startswith("-")}
                assert options <= flags(ROOT / word), (word, options - flags(ROOT / word))


@cache
def all_options() -> set[str]:
    """Every option of the command line and of the programs."""
    waiting, known = [command_line()], set(OTHERS)
    while waiting:
        command = waiting.pop()
        known |= {name for one in command.params for name in (*one.opts, *one.secondary_opts)}
        waiting += getattr(command, "commands", {}).values()
    return known.union(*(flags(ROOT / name) for name in PROGRAMS if name.endswith(".py")))


@pytest.mark.parametrize("page", PAGES)
def test_options_in_prose_are_there(page: str) -> None:
    for option in re.findall(r"`(--[a-z][\w-]*)", prose(page)):
        assert option in all_options(), option


SERVICE = "glmtts.pipeline.Stage"  # a name of gRPC's, not of Python's
SUFFIXES = ("csv", "bin", "json", "py", "safetensors", "toml")
SECTIONS = ("run", "model", "data", "loss", "init", "optimizer", "schedule", "log", "distributed")


@pytest.mark.parametrize("name", [*PAGES, *PROGRAMS, *SETTINGS])
def test_runs_of_commands_are_valid(name: str) -> None:
    for words in COMMANDS[name]:
        arguments = of_glm_tts(words) or [""]
        if arguments[0] in ("train", "rl") and len(arguments) > 1 and "…" not in arguments:
            changes = [after for option, after in pairwise(arguments) if option == "--set"]
            create_task(load_config(ROOT / arguments[1], changes))


def blocks(page: str, language: str) -> list[str]:
    return [text for kind, text in FENCED.findall(read(page)) if kind == language]


@cache
def groups() -> set[str]:
    """The groups of entry points that the package looks into."""
    sources = [path.read_text(encoding="utf-8") for path in (ROOT / "src/glmtts").rglob("*.py")]
    return {group for source in sources for group in re.findall(r'= "(glmtts\.\w+)"$', source, re.MULTILINE)}


@pytest.mark.parametrize("page", [page for page in PAGES if blocks(page, "toml")])
def test_settings_of_the_pages_are_valid(page: str, tmp_path: Path) -> None:
    """Sections of a run fit into a recipe; those of the pipeline are read by a test of its own."""
    for text in blocks(page, "toml"):
        values = tomllib.loads(text)
        if values.keys() <= set(SECTIONS):
            (tmp_path / "run.toml").write_text(read("recipes/rl/mini_cer_sim.toml") + text, encoding="utf-8")
            create_task(load_config(tmp_path / "run.toml"))
        assert set(values.get("project", {}).get("entry-points", {})) <= groups()


@cache
def keys() -> set[str]:
    """Every `section.key` of a run of any task, and of the pipeline."""
    known = {f"{section}.{key}" for of in (RunConfig, PipelineConfig) for section, key in fields(of)}
    for name in SETTINGS:
        if "[run]\ntask" in read(name):
            sections = create_task(load_config(ROOT / name)).sections
            known |= {f"{section}.{key}" for section, of in sections.items() for key in of.model_fields}
    return known


def fields(config: type[StrictConfig]) -> Iterator[tuple[str, str]]:
    for section, field in config.model_fields.items():
        if isinstance(field.annotation, type) and issubclass(field.annotation, StrictConfig):
            yield from ((section, key) for key in field.annotation.model_fields)


@pytest.mark.parametrize("page", PAGES)
def test_keys_in_prose_are_there(page: str) -> None:
    for section, key in re.findall(r"`\[?([a-z]+)\.([a-z_]+)[`.\] =]", prose(page)):
        if section in SECTIONS and key not in SUFFIXES:
            assert f"{section}.{key}" in keys(), f"{section}.{key}"


@pytest.mark.parametrize("page", PAGES)
def test_names_of_python_are_there(page: str) -> None:
    for text in blocks(page, "python"):
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.ImportFrom) and str(node.module).partition(".")[0] == "glmtts":
                module = import_module(str(node.module))
                assert [one.name for one in node.names if not hasattr(module, one.name)] == []
    for name in re.findall(r"`(glmtts(?:\.\w+)+)", prose(page)):
        if name not in groups() | {SERVICE}:
            place, _, attribute = name.rpartition(".")
            assert hasattr(import_module(place), attribute) or import_module(name), name
