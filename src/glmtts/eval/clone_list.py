"""`mini-clone`: speakers held out of the training of what ships, each asked to say lines of `mini-en` or `mini-zh`."""

from pathlib import Path

from glmtts.errors import EvaluationError
from glmtts.eval.items import EvalList, Item
from glmtts.eval.lists import recording_of, shipped_list
from glmtts.places import is_file
from glmtts.programs import read_index

SHORTEST, LONGEST = 3.0, 8.0  # seconds of a prompt
LANGUAGES = ("en", "zh")
HELD_OUT_FOLDERS = ("ljspeech", "aishell", "speechocean762")


def held_out(folder: str, speaker: str) -> bool:
    """Whether a speaker of a corpus folder was kept out of all training: LJSpeech, S0252, and numbers that end in 7."""
    # the rule of recipes/mini/corpora.py, by which they were kept out; recipes are not installed
    return folder == "ljspeech" or speaker == "S0252" or (folder == "speechocean762" and speaker.endswith("7"))


def clone_list(corpus: Path, lines: int = 100) -> EvalList:
    """Lines for held-out speakers of a corpus in turn, each with a prompt and another recording as reference.

    `corpus` holds folders with an `index.jsonl` (id, lang, text, speaker, seconds). A speaker says lines of his own
    language; `other_audio` is a second recording of him, which tells how like two recordings of one person are.

    Raises:
        EvaluationError: the corpus has no held-out speaker with two recordings of 3 to 8 seconds.
        DataError: an index is damaged.
    """
    speakers = _speakers(corpus)
    if not speakers:
        raise EvaluationError(f"{corpus} has no held-out speakers with two recordings of 3 to 8 s. Give the corpus.")
    texts = {lang: [item.text for item in shipped_list(f"mini-{lang}").items] for lang in LANGUAGES}
    items = []
    for number in range(lines):
        (lang, speaker), recordings = speakers[number % len(speakers)]
        turn = number // len(speakers)
        # modulo one less than there are, so that the recording after it exists
        path, said = recordings[2 * turn % (len(recordings) - 1)]
        other = recordings[2 * turn % (len(recordings) - 1) + 1][0]
        text = texts[lang][number % len(texts[lang])]
        items.append(
            Item(f"mini-clone_{number:03d}", text, lang, number, path, said, None, {"speaker": speaker}, other)
        )
    return EvalList("mini-clone", tuple(items))


def _speakers(corpus: Path) -> list[tuple[tuple[str, str], list[tuple[Path, str]]]]:
    """Held-out speakers of at least two recordings."""
    found: dict[tuple[str, str], list[tuple[Path, str]]] = {}
    for folder in HELD_OUT_FOLDERS:
        index = corpus / folder / "index.jsonl"
        # a corpus need not hold all of these
        if not is_file(index, EvaluationError):
            continue
        for record in read_index(index.parent):
            path = recording_of(corpus / folder, record["id"], record.get("file"))
            long_enough = SHORTEST <= record["seconds"] <= LONGEST
            if held_out(folder, record["speaker"]) and long_enough and path is not None:
                found.setdefault((record["lang"], record["speaker"]), []).append((path, record["text"]))
    return [(who, recordings) for who, recordings in found.items() if len(recordings) > 1]
