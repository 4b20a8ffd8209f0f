"""Phoneme error rate with and without Phoneme-in (Table 7 of the report), and whether forced readings are heard.

    python benchmarks/phoneme_in.py --whisper whisper-base

Speaks `data/phoneme_in.tsv` in each of `--modes`, with the same voices and seeds, and every line of `data/forced.tsv`
with its control and, beside it, without. Whisper-base transcribes with beam 5, pypinyin reads what it wrote, and the
phonemes, initials and finals with their tone, are compared with the published answer. Whisper hears words rather than
sounds, so a wrong reading of a character may be written as the character, which hides errors without Phoneme-in, and
forced readings as well. `own_recogniser` is what the model's own recogniser of phonemes reads in the same audio. It is
no independent judge, since the same recogniser chooses among the model's candidates.

A forced reading counts as heard where its syllable, or its English word, stands at its place among those heard. It is
`chosen` where Whisper, held to the readings that the character has and the forced one, hears that one
(closed_choice.py); `chosen_unforced` is the same of the recording without the control and the usual reading. One
process a core; needs the extra [eval]. Results go to benchmarks/results/phoneme_in.json and
forced_readings.json; `--modes` with none speaks the forced readings alone, `--no-forced` the sentences alone.
"""

import argparse
import multiprocessing
import os
import re
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Any, NamedTuple, get_args

import torch
from closed_choice import Readings, heard_reading, written_as
from faster_whisper import WhisperModel
from mini_quality import error_rate, syllables, transcribe, words
from report import environment, write_result
from tqdm import tqdm

import glmtts
from glmtts.audio.resample import resample
from glmtts.synthesis.options import Options
from glmtts.text.edits import edit_distance
from glmtts.text.frontend import phonemes_of
from glmtts.text.hybrid import PhonemeIn
from glmtts.text.labels import without_boundaries
from glmtts.text.mandarin import read_pinyin
from glmtts.text.markup import CONTROL
from glmtts.text.phonemes import split_syllable
from glmtts.text.pronunciations import hybrid_reading
from glmtts.text.vocabulary import polyphones

DATA = Path(__file__).parent / "data"
UNHEARD = "*"
Row = list[str]


class Job(NamedTuple):
    """One utterance to be spoken; `name` says what it is for, `readings` what its control may be heard as."""

    name: str
    text: str
    lang: str
    voice: str | None
    seed: int
    options: Options
    readings: Readings | None = None


class Heard(NamedTuple):
    """What Whisper writes, the phonemes that the own recogniser reads, and the reading that Whisper chooses."""

    text: str
    phonemes: list[str]
    chosen: str | None


_models: dict[str, Any] = {}


def start(bundle: Path | None, whisper: Path) -> None:
    """Load the models of this process, which keeps to one core."""
    torch.set_num_threads(1)
    _models["tts"] = glmtts.load(bundle)
    _models["whisper"] = WhisperModel(str(whisper), compute_type="float32", cpu_threads=1)


def speak_and_hear(job: Job) -> Heard:
    """Speak one text and recognise it twice."""
    tts = _models["tts"]
    audio = tts.say(job.text, job.voice, seed=job.seed, language=job.lang, **job.options)
    samples = resample(audio.samples, audio.rate, 16000)
    phonemes: list[str] = []
    reading = tts.judge.reading(tts.bundle.speech_tokenizer.tokenize(samples).tolist())
    if reading is not None:
        phonemes = without_boundaries(reading.labels)
    whisper, wave = _models["whisper"], samples.numpy()
    chosen = heard_reading(whisper, wave, job.lang, job.readings) if job.readings else None
    return Heard(transcribe(whisper, wave, job.lang).strip(), phonemes, chosen)


def symbols_of(pinyin: Sequence[str]) -> list[str]:
    """Initials and finals with tone; a syllable that has none, such as n2, counts as one."""
    return [symbol for syllable in pinyin for symbol in split_syllable(syllable) or [syllable]]


def error_rates(heard: Sequence[Heard], answers: Sequence[list[str]]) -> dict[str, Any]:
    """Error rates of one mode by phonemes and by toned syllables."""
    both = list(zip(heard, answers, strict=True))
    read = [(syllables(line.text), answer) for line, answer in both]
    own = [(line.phonemes, symbols_of(answer)) for line, answer in both]
    return {
        "per": error_rate([(symbols_of(spoken), symbols_of(answer)) for spoken, answer in read]),
        "toned_syllable_error": error_rate(read),
        "per_by_own_recogniser": error_rate(own) if any(phonemes for phonemes, _ in own) else None,
    }


def stands_at(place: int, unit: str, expected: Sequence[str], heard: Sequence[str]) -> bool:
    """Whether `unit` is found in `heard` where the place of `expected` aligns: it saves an edit over a unit unheard."""
    open_, filled = ([*expected[:place], fill, *expected[place + 1 :]] for fill in (UNHEARD, unit))
    return edit_distance(heard, filled) < edit_distance(heard, open_)


def toneless(syllable: str) -> str:
    """A syllable without its tone digit; an English word as it is."""
    return syllable.rstrip("12345")


def is_heard(row: Row, line: Heard, same: Callable[[str], str]) -> bool:
    """Whether the forced unit of a row stands at its place, compared after `same`."""
    kind, text, wanted = row
    plain, start = without_control(text), control_of(text).start()
    if kind == "english":
        spoken, heard, place = words(plain), words(line.text), len(words(plain[:start]))
    else:
        readings, heard = read_pinyin(plain), syllables(line.text)
        spoken, place = [reading for reading in readings if reading], sum(map(bool, readings[:start]))
    return stands_at(place, same(wanted), [same(unit) for unit in spoken], [same(unit) for unit in heard])


WRITTEN: dict[str, Callable[[Row, Heard], bool]] = {
    "with_tone": partial(is_heard, same=str),
    "without_tone": partial(is_heard, same=toneless),
}


def is_read(row: Row, line: Heard) -> bool:
    """Whether the model's own recogniser reads the forced phonemes, one after another."""
    control = control_of(row[1])
    wanted = phonemes_of(hybrid_reading(control["word"], control["reading"]))
    return any(line.phonemes[start : start + len(wanted)] == wanted for start in range(len(line.phonemes)))


def usual_reading(row: Row) -> str:
    """What the word of the control would be read as without it."""
    control, plain = control_of(row[1]), without_control(row[1])
    return control["word"].lower() if row[0] == "english" else read_pinyin(plain)[control.start()] or ""


def readings_of(row: Row) -> Readings | None:
    """The readings that the place of the control may have, with texts; None where the forced or the usual has none."""
    control, usual = control_of(row[1]), usual_reading(row)
    readings = {}
    for reading in dict.fromkeys((row[2], usual, *polyphones().get(control["word"], ()))):
        if written := written_as(reading):
            readings[reading] = [row[1][: control.start()] + unit + row[1][control.end() :] for unit in written]
    return readings if row[2] in readings and usual in readings else None


def is_chosen(row: Row, line: Heard) -> bool:
    """Whether Whisper, made to choose, hears the forced reading."""
    return line.chosen == row[2]


def chosen(rows: Sequence[Row], forced: Sequence[Heard], usual: Sequence[Heard]) -> dict[str, Any]:
    """The share of the recordings in which the forced reading, and without the control the usual one, is chosen."""
    asked = [number for number, line in enumerate(forced) if line.chosen]
    cases = [rows[number] for number in asked]
    return {
        "chosen": share(is_chosen, cases, [forced[number] for number in asked]),
        "chosen_unforced": share(
            lambda row, line: line.chosen == usual_reading(row), cases, [usual[number] for number in asked]
        ),
        "chosen_cases": len(cases),
    }


def control_of(text: str) -> re.Match[str]:
    """The control in the text of a forced reading."""
    match = CONTROL.search(text)
    assert match is not None
    return match


def without_control(text: str) -> str:
    """A text whose words are read as usual."""
    return CONTROL.sub(r"\g<word>", text)


def share(judge: Callable[[Row, Heard], bool], rows: Sequence[Row], heard: Sequence[Heard]) -> float:
    """The share of the rows in which `judge` finds the forced reading."""
    return round(sum(map(judge, rows, heard)) / max(1, len(rows)), 4)


def forced_figures(rows: Sequence[Row], forced: Sequence[Heard], usual: Sequence[Heard]) -> dict[str, Any]:
    """Shares of the cases in which the forced reading is heard, forced and, as a control, not forced."""
    judges = WRITTEN | {"by_own_recogniser": is_read}
    return {
        "cases": len(rows),
        **{
            f"{kind}_{name}": share(judge, rows, lines)
            for name, judge in judges.items()
            for kind, lines in (("heard", forced), ("heard_unforced", usual))
        },
        **chosen(rows, forced, usual),
    }


def read_rows(name: str) -> list[Row]:
    """The lines of a file of tab-separated values in `data`."""
    return [line.split("\t") for line in (DATA / name).read_text(encoding="utf-8").splitlines()]


def forced_rows(most: int | None) -> dict[str, list[Row]]:
    """The forced readings by their kind, at most so many of each."""
    groups: dict[str, list[Row]] = {}
    for row in read_rows("forced.tsv"):
        groups.setdefault(row[0], []).append(row)
    return {kind: rows[:most] for kind, rows in groups.items()}


def jobs_of(arguments: argparse.Namespace, lines: list[Row], rows: list[Row]) -> list[Job]:
    """Every utterance: the sentences in each mode, and the forced readings with and without their control."""
    descriptions = glmtts.load(arguments.bundle).voices
    voices = {
        lang: [name for name, words_ in descriptions.items() if ("Mandarin" in words_) == (lang == "zh")]
        for lang in ("zh", "en")
    }

    def job(
        name: str, text: str, lang: str, number: int, mode: PhonemeIn | None, readings: Readings | None = None
    ) -> Job:
        voice = arguments.voice if lang == "zh" and arguments.voice else voices[lang][number % len(voices[lang])]
        return Job(name, text, lang, voice, number, {"phoneme_in": mode, "candidates": arguments.candidates}, readings)

    jobs = [job(mode, row[0], "zh", n, mode) for mode in arguments.modes for n, row in enumerate(lines)]
    for number, row in enumerate(rows):
        kind, text, _ = row
        lang = "en" if kind == "english" else "zh"
        for name, spoken in (("forced", text), ("unforced", without_control(text))):
            jobs.append(job(f"{name} {kind}", spoken, lang, number, arguments.forced_mode, readings_of(row)))
    return jobs


def figures(modes: Sequence[str], lines: list[Row], heard: dict[str, list[Heard]]) -> dict[str, dict[str, Any]]:
    """What is written down of the sentences."""
    answers = [pinyin.split() for _, pinyin in lines]
    rates = {mode: error_rates(heard[mode], answers) for mode in modes}
    off = rates.get("off", {}).get("per")
    ratios = {mode: round(rates[mode]["per"] / off, 3) for mode in rates if off and mode != "off"}
    return {"modes": rates, "per_over_off": ratios}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--whisper", type=Path, required=True, help="folder of a CTranslate2 Whisper-base")
    parser.add_argument("--bundle", type=Path, help="a bundle; the embedded one by default")
    parser.add_argument("--modes", nargs="*", choices=get_args(PhonemeIn), default=["off", "ambiguous", "all"])
    parser.add_argument("--forced-mode", choices=get_args(PhonemeIn), help="the model's own by default")
    parser.add_argument("--lines", type=int, help="first lines of the sentences, and of each kind of forced reading")
    parser.add_argument("--no-forced", action="store_true", help="speak the sentences alone")
    parser.add_argument("--voice", help="one Mandarin voice; all of the bundle in turn by default")
    parser.add_argument("--candidates", type=int, help="of each utterance; the model's own number by default")
    parser.add_argument("--processes", type=int, default=os.cpu_count())
    parser.add_argument("--heard", type=Path, help="also write every utterance and what was heard, tab-separated")
    arguments = parser.parse_args()
    lines = read_rows("phoneme_in.tsv")[: arguments.lines]
    groups = {} if arguments.no_forced else forced_rows(arguments.lines)
    jobs = jobs_of(arguments, lines, list(chain.from_iterable(groups.values())))
    context = multiprocessing.get_context("spawn")
    given = (arguments.bundle, arguments.whisper)
    with ProcessPoolExecutor(arguments.processes, context, start, given) as pool:
        results = list(tqdm(pool.map(speak_and_hear, jobs), total=len(jobs), desc="utterances"))
    heard: dict[str, list[Heard]] = {}
    for job, result in zip(jobs, results, strict=True):
        heard.setdefault(job.name, []).append(result)
    if arguments.heard:
        table = [
            f"{job.name}\t{job.text}\t{line.text}\t{' '.join(line.phonemes)}\n"
            for job, line in zip(jobs, results, strict=True)
        ]
        arguments.heard.write_text("".join(table), encoding="utf-8")
    about = environment() | {"candidates": arguments.candidates}
    if arguments.modes:
        write_result("phoneme_in", about | {"lines": len(lines)} | figures(arguments.modes, lines, heard))
    if not groups:
        return
    forced = {k: forced_figures(group, heard[f"forced {k}"], heard[f"unforced {k}"]) for k, group in groups.items()}
    write_result("forced_readings", about | {"mode": arguments.forced_mode, "lines": arguments.lines} | forced)


if __name__ == "__main__":
    main()
