"""Readers of benchmarks' lists: Seed-TTS-eval, CV3-Eval, folders with an index, and the lists that ship."""

import json
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path

from glmtts.errors import EvaluationError
from glmtts.eval.items import EvalList, Item
from glmtts.places import is_file

SHIPPED = ("mini-en", "mini-zh", "mini-hard", "mini-mixed")
OTHERS = ("laughter",)
SEED_COLUMNS = {
    2: ("id", "text"),
    3: ("id", "text", "prompt_audio"),
    4: ("id", "prompt_text", "prompt_audio", "text"),
    5: ("id", "prompt_text", "prompt_audio", "text", "reference_audio"),
}


def seed_list(path: Path, language: str) -> EvalList:
    """A list of Seed-TTS-eval: `utt|prompt_text|prompt_wav|text[|gt_wav]`, paths relative to its folder.

    The public script also takes `utt|text` and `utt|text|prompt_wav`; so does this.

    Raises:
        EvaluationError: the file cannot be read, or a line has another number of columns.
    """
    items = []
    for number, (place, line) in enumerate(_lines(path)):
        columns = line.strip().split("|")
        if len(columns) not in SEED_COLUMNS:
            raise EvaluationError(f"Line {place} of {path} has {len(columns)} columns. Seed-TTS-eval has 2 to 5.")
        values = dict(zip(SEED_COLUMNS[len(columns)], columns, strict=True))
        name = values["id"].removesuffix(".wav")
        items.append(
            Item(
                name,
                values["text"],
                language,
                number,
                _beside(path, values.get("prompt_audio")),
                values.get("prompt_text"),
                _beside(path, values.get("reference_audio")),
            )
        )
    return EvalList(path.stem, tuple(items))


def cv3_list(folder: Path, language: str | None = None) -> EvalList:
    """A folder of CV3-Eval: `text`, `prompt_text` and `prompt_wav.scp`, each `utt value`.

    Paths of prompts are relative to the benchmark's root, the nearest folder above in which they are found. The
    language is that of the nearest folder whose name ends in one (`hard_zh`, `to_en`); the emotion, where the list has
    one, is the folder's name (`emotion_zeroshot/en/angry`) or the utterance's prefix (`angry_high_…`).

    Raises:
        EvaluationError: a file is missing, or an utterance has no prompt.
    """
    texts, prompt_texts, prompts = (_table(folder / name) for name in ("text", "prompt_text", "prompt_wav.scp"))
    spoken = language or _language_of(folder)
    items = []
    for number, (name, text) in enumerate(texts.items()):
        if name not in prompts:
            raise EvaluationError(f"{folder / 'prompt_wav.scp'} has no prompt for '{name}'. Complete the folder.")
        prompt = _above(folder, prompts[name])
        labels = _emotion_of(folder, name)
        items.append(Item(name, text, spoken, number, prompt, prompt_texts.get(name), None, labels))
    # two parts: `en/angry` and `zh/angry` are two lists, and a list's name is its folder in a run
    return EvalList("_".join(folder.absolute().parts[1:][-2:]), tuple(items))


def index_list(folder: Path, most: int | None = None, name: str | None = None) -> EvalList:
    """A folder with an `index.jsonl` (id, lang, text, further keys as labels) and a recording of each line.

    Raises:
        EvaluationError: there is no index, or a line is not as it should be.
    """
    items = []
    for number, (place, line) in enumerate(_lines(folder / "index.jsonl")[:most]):
        record = _record(folder, place, line)
        labels = {key: str(value) for key, value in record.items() if key not in ("id", "lang", "text", "file")}
        audio = recording_of(folder, record["id"], record.get("file"))
        items.append(Item(record["id"], record["text"], record["lang"], number, None, None, audio, labels))
    # resolved: `.` has no name
    return EvalList(name or folder.resolve().name, tuple(items))


def shipped_list(name: str) -> EvalList:
    """A list of the package: `mini-en`, `mini-zh`, `mini-hard`, `mini-mixed`.

    Lines are `language<TAB>kind<TAB>text`; the texts were written for this package.

    Raises:
        EvaluationError: there is no such list.
    """
    if name not in (*SHIPPED, *OTHERS):
        raise EvaluationError(f"There is no list '{name}'. Known are: {', '.join(SHIPPED)}, mini-clone.")
    text = (files("glmtts.eval") / "data" / f"{name}.tsv").read_text(encoding="utf-8")
    rows = [line.split("\t") for line in text.split("\n") if line]
    return EvalList(
        name,
        tuple(
            Item(f"{name}_{number:03d}", text, language, number, labels={"kind": kind})
            for number, (language, kind, text) in enumerate(rows)
        ),
    )


def recording_of(folder: Path, name: str, file: str | None = None) -> Path | None:
    """The recording of an utterance in a folder, in any format that is read."""
    if file is not None:
        return folder / file
    found = (folder / f"{name}{suffix}" for suffix in (".wav", ".flac", ".opus", ".ogg", ".mp3"))
    return next((path for path in found if is_file(path, EvaluationError)), None)


def _lines(path: Path) -> list[tuple[int, str]]:
    """Lines with something in them, each with its number in the file.

    A byte order mark is none of their text, and U+2028 inside JSON does not end one.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError:
        raise EvaluationError(f"{path} cannot be read as a list: it is not UTF-8. Save it as UTF-8.") from None
    except OSError as error:
        raise EvaluationError(f"{path} cannot be read as a list: {error.strerror}. Give the list's file.") from None
    return [(place, line) for place, line in enumerate(text.split("\n"), 1) if line.strip()]


def _record(folder: Path, place: int, line: str) -> dict[str, str]:
    try:
        record = json.loads(line)
        right = all(isinstance(record[key], str) for key in ("id", "lang", "text"))
        if right and isinstance(record.get("file"), str | None):
            return dict(record)
    except (ValueError, KeyError, TypeError, RecursionError):
        pass
    raise EvaluationError(
        f"Line {place} of {folder / 'index.jsonl'} has no id, lang and text, or a file that is no name: {line[:80]}"
    )


def _table(path: Path) -> dict[str, str]:
    found: dict[str, str] = {}
    for name, _, value in (line.partition(" ") for _, line in _lines(path)):
        if name in found:
            raise EvaluationError(f"The id '{name}' stands twice in {path}. Give each line its own.")
        found[name] = value.strip()
    return found


def _beside(path: Path, name: str | None) -> Path | None:
    return path.parent / name if name else None


def _above(folder: Path, name: str) -> Path:
    """`name` in the nearest folder at or above `folder` that has it; where none has, in `folder`."""
    found = (root / name for root in _upwards(folder) if is_file(root / name, EvaluationError))
    return next(found, folder / name)


def _upwards(folder: Path) -> Iterator[Path]:
    yield folder
    yield from folder.absolute().parents


def _language_of(folder: Path) -> str:
    for part in reversed(folder.absolute().parts):
        # only where the two letters stand apart: `golden` ends in `en` too
        if part[-2:] in ("zh", "en", "ja", "ko") and (len(part) == 2 or part[-3] in "_-"):
            return part[-2:]
    raise EvaluationError(f"{folder} does not tell its language. Name it, or a folder above, like 'hard_zh' or 'en'.")


EMOTIONS = ("angry", "happy", "sad", "surprised", "fearful", "disgusted", "neutral")


def _emotion_of(folder: Path, name: str) -> dict[str, str]:
    parts = name.lower().split("_")
    if parts[0] in EMOTIONS:
        return {"emotion": parts[0]} | ({"level": parts[1]} if parts[1:2] in (["high"], ["low"]) else {})
    return {"emotion": folder.name.lower()} if folder.name.lower() in EMOTIONS else {}
