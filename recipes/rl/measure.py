"""Measure policies on held-out texts with one candidate each, and compare them line by line.

    python recipes/rl/measure.py say BUNDLE OUT --corpus CORPUS --whisper WHISPER [--seeds 3] …
    python recipes/rl/measure.py compare BASE OTHER …

`say` speaks heldout_en.txt and heldout_zh.txt of CORPUS (never trained on, in any stage) with the embedded voices in
turn, or with `--held-out-speakers` by people of CORPUS whom no stage has heard, and writes a JSON line for each:
edits, length of the reference, similarity. It goes on where it stopped. Words and toned syllables are heard by
Whisper-base, which gives no reward; similarity to the voice is Resemblyzer's, which gives none either. With
`--emotion` a classifier says how little neutral a line sounds, 1 − P(neutral), or how much like the emotion that is
`--wanted`; train it on other actors than the one that gives the reward (recipes/scorers/emotion, `--actors`).

`compare` prints rates, and paired tests over lines: a bootstrap of the difference of rates, and the Wilcoxon
signed-rank test of similarity and emotion. Where several runs are given, such as the seeds of one, `together` is the
mean of each line over them.
"""

import argparse
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from tqdm import tqdm

import glmtts
from glmtts.asr import load
from glmtts.audio.resample import resample
from glmtts.errors import RlError
from glmtts.eval import scorers
from glmtts.eval.clone_list import clone_list
from glmtts.eval.text.tables import read_lines
from glmtts.programs import (
    a_file,
    a_folder,
    add_row,
    file_to_write,
    parser_of,
    read_rows,
    run_program,
    whole_from,
    write_text,
)
from glmtts.rl.figures import f0_deviation, frame_levels, silent_share
from glmtts.rl.prompts import Line, Prompt
from glmtts.rl.rewards.emotion import emotion_reward
from glmtts.rl.rewards.pronunciation import units_of
from glmtts.rl.rollout import Answer, roll_out
from glmtts.synthesis.rendering import Job
from glmtts.synthesis.segment import Prompter, Segment
from glmtts.synthesis.voice import Voice
from glmtts.text.edits import edit_distance

VOICES = {"en": ("heart", "bella", "michael", "george"), "zh": ("xiaoxiao", "xiaoyi", "yunjian", "yunxi")}
UNITS = {"en": "characters", "zh": "syllables"}  # words in English
DRAWS = 10_000


def embedder() -> Any:
    """Resemblyzer: samples at 16 kHz to a unit vector."""
    from resemblyzer import VoiceEncoder, preprocess_wav

    encoder = VoiceEncoder("cpu", verbose=False)
    return lambda wave: encoder.embed_utterance(preprocess_wav(wave, source_sr=16000))


def speakers(tts: glmtts.Synthesizer, embed: Any, held_out: Path | None) -> dict[str, list[tuple[Voice, np.ndarray]]]:
    """Voices by language: the bundled ones, or clones of speakers that no stage was trained on.

    The embedding beside each is of its recording, as the vocoder says its mel.
    """
    voices = {lang: [tts.voice(name) for name in names] for lang, names in VOICES.items()}
    if held_out:
        prompts = {(item.language, item.labels["speaker"]): item for item in reversed(clone_list(held_out).items)}
        for lang in voices:
            of = [item for (language, _), item in sorted(prompts.items()) if language == lang][: len(VOICES[lang])]
            voices[lang] = [tts.voice(item.prompt_audio, item.prompt_text) for item in of]
    found: dict[str, list[tuple[Voice, np.ndarray]]] = {}
    for lang, own in voices.items():
        for voice in own:
            with torch.inference_mode():
                wave = tts.bundle.vocoder(voice.mel[None])[0].clamp(-1, 1)
            said = resample(wave, tts.bundle.clock.sample_rate, 16000).numpy()
            found.setdefault(lang, []).append((voice, embed(said)))
    return found


def lines_of(corpus: Path, count: int) -> Iterator[tuple[str, int, str]]:
    """Language, number and text of the held-out lines."""
    for lang in UNITS:
        texts = [line for _, line in read_lines(corpus / f"heldout_{lang}.txt")][:count]
        yield from ((lang, number, text) for number, text in enumerate(texts))


def say(given: argparse.Namespace) -> None:
    tts, asr, embed = glmtts.load(given.bundle), load(f"whisper:{given.whisper}"), embedder()
    classifier = scorers.load("emotion", weights=given.emotion) if given.emotion else None
    known = speakers(tts, embed, given.corpus if given.held_out_speakers else None)
    done = {(row["lang"], row["line"], row["seed"]) for row in read_rows(given.out)}
    wanted = [(*line, seed) for seed in range(given.seeds) for line in lines_of(given.corpus, given.lines)]
    for lang, number, text, seed in tqdm([one for one in wanted if (one[0], one[1], one[3]) not in done]):
        voice, embedding = known[lang][number % len(known[lang])]
        samples = spoken(tts, text, lang, voice, 1000 * seed + number, given.candidates)
        wave = resample(samples, tts.bundle.clock.sample_rate, 16000).numpy()
        row = {"lang": lang, "line": number, "seed": seed, **measured(wave, text, lang, asr)}
        row["similarity"] = float(embed(wave) @ embedding)
        if classifier:
            (labels,) = classifier.score([scorers.Clip(text, wave, 16000, text, lang)])
            row["emotion"] = emotion_reward({name.rsplit("_", 1)[-1]: p for name, p in labels.items()}, given.wanted)
        add_row(given.out, row)


def spoken(tts: glmtts.Synthesizer, text: str, lang: str, voice: Voice, seed: int, candidates: int) -> torch.Tensor:
    """Samples of a text. One candidate is the first that is drawn: `say` would look at it, and draw again."""
    if candidates > 1:
        return tts.say(text, voice, seed=seed, language=lang, candidates=candidates).samples
    segments = tts.segments(tts.frontend.prepare(text, lang), voice, seed, {})
    groups = candidates_of(tts, Line(text, lang), segments, [[segment.seed] for segment in segments])
    waves = tts.renderer.render([Job(answer.segment, answer.tokens) for (answer,) in groups])
    pause = torch.zeros(int(tts.defaults.pause_seconds * tts.bundle.clock.sample_rate))
    return torch.cat([part for wave in waves for part in (wave, pause)])


def candidates_of(
    tts: glmtts.Synthesizer, line: Line, segments: Sequence[Segment], seeds: Sequence[Sequence[int]]
) -> list[list[Answer]]:
    """Candidates for the pieces of a line, one for each of a piece's seeds, drawn as the bundle speaks."""
    prompter = Prompter(tts.frontend, tts.bundle.audio_tokens)
    prompts = [Prompt(line, segment) for segment in segments]
    return roll_out(tts.bundle.lm, tts.bundle.audio_tokens, prompter, prompts, tts.defaults.sampling, seeds)


def measured(wave: np.ndarray, text: str, lang: str, asr: Any) -> dict[str, Any]:
    """Edits and figures of one line."""
    (heard,) = asr.transcribe([wave], lang)
    sides = [units_of(side, lang, UNITS[lang]) for side in (text, heard.text)]
    return {
        "edits": edit_distance(sides[1], sides[0]),
        "length": len(sides[0]),
        "heard": heard.text,
        "seconds": len(wave) / 16000,
        "f0_deviation": f0_deviation(wave, 16000),
        "silence": silent_share(frame_levels(wave, 16000)),
    }


def read(path: Path) -> dict[tuple[str, int, int], dict[str, Any]]:
    """What `say` measured, by language, line and seed.

    Raises:
        RlError: it is another file.
    """
    rows = read_rows(path)
    if any(not {"lang", "line", "seed", "edits", "length"} <= row.keys() for row in rows) or not rows:
        raise RlError(f"{path} holds no lines that `measure.py say` has written. Give its OUT.")
    return {(row["lang"], row["line"], row["seed"]): row for row in rows}


def rate(rows: list[dict[str, Any]]) -> float:
    return sum(row["edits"] for row in rows) / sum(row["length"] for row in rows)


def compared(base: list[dict[str, Any]], other: list[dict[str, Any]]) -> dict[str, Any]:
    """Figures of both, and the probability that `other` is no better by a bootstrap over lines."""
    from scipy.stats import wilcoxon

    rng, size = np.random.default_rng(0), len(base)
    edits = np.array([[b["edits"], o["edits"]] for b, o in zip(base, other, strict=True)], dtype=float)
    lengths = np.array([b["length"] for b in base], dtype=float)
    drawn = rng.integers(0, size, (DRAWS, size))
    gains = (edits[drawn, 0] - edits[drawn, 1]).sum(1) / lengths[drawn].sum(1)
    figures = {
        "lines": size,
        "error": [round(rate(base), 4), round(rate(other), 4)],
        "relative": round(rate(other) / rate(base) - 1, 3) if rate(base) else None,
        "p_error": round(float(np.mean(gains <= 0)), 4),
    }
    for name in ("similarity", "emotion"):
        if all(name in row for side in (base, other) for row in side):
            apart = np.array([o[name] - b[name] for b, o in zip(base, other, strict=True)])
            figures[name] = [round(float(np.mean([row[name] for row in side])), 4) for side in (base, other)]
            figures[f"p_{name}"] = round(float(wilcoxon(apart).pvalue), 4) if apart.any() else 1.0
    return figures | {
        "seconds": [round(sum(r["seconds"] for r in side) / size, 3) for side in (base, other)],
        "f0_deviation": [round(float(np.mean([r["f0_deviation"] or 0 for r in side])), 3) for side in (base, other)],
        "silence": [round(float(np.mean([r["silence"] for r in side])), 3) for side in (base, other)],
    }


def mean_row(rows: list[dict[str, Any]]) -> dict[str, Any]:
    """A line's figures over several runs."""
    names = ("edits", "length", "similarity", "emotion", "seconds", "f0_deviation", "silence")
    return {name: float(np.mean([row[name] or 0 for row in rows])) for name in names if name in rows[0]}


def compare(given: argparse.Namespace) -> dict[str, Any]:
    """Figures of each of the others beside the base, and of all of them together."""
    base, found = read(given.base), {}
    others = {path.stem: read(path) for path in given.others}
    if len(others) > 1:
        common = set.intersection(*(set(other) for other in others.values()))
        others["together"] = {key: mean_row([other[key] for other in others.values()]) for key in common}
    for name, other in others.items():
        shared = sorted(base.keys() & other.keys())
        if not shared:
            raise RlError(f"{name} has no line that {given.base} has too. Measure both with the same lines and seeds.")
        found[name] = {
            group: compared([base[k] for k in keys], [other[k] for k in keys]) for group, keys in groups(shared).items()
        }
    tell(found, given.result)
    return found


def tell(found: dict[str, Any], result: Path | None) -> None:
    """Print figures, and write them beside the hardware and versions where a file is wanted."""
    if result:
        from glmtts.eval.hardware import environment

        write_text(result, json.dumps({**environment(), **found}, indent=1) + "\n")
    print(json.dumps(found, indent=1))


def groups(keys: list[tuple[str, int, int]]) -> dict[str, list[tuple[str, int, int]]]:
    """All lines, and those of each language."""
    own = {lang: [key for key in keys if key[0] == lang] for lang in UNITS}
    return {"all": keys, **{lang: of for lang, of in own.items() if of}}


def main() -> None:
    parser = parser_of(__doc__)
    ways = parser.add_subparsers(required=True)
    saying = ways.add_parser("say", help="speak held-out lines and measure each")
    saying.add_argument("bundle", type=a_folder)
    saying.add_argument("out", type=file_to_write, help="a .jsonl file, to which lines are added")
    saying.add_argument("--corpus", type=a_folder, required=True)
    saying.add_argument("--whisper", type=a_folder, required=True)
    saying.add_argument("--lines", type=whole_from(), default=50, help="lines a language")
    saying.add_argument("--seeds", type=whole_from(), default=1)
    saying.add_argument("--candidates", type=whole_from(), default=1)
    saying.add_argument("--held-out-speakers", action="store_true", help="clones of people whom no stage has heard")
    saying.add_argument("--emotion", type=a_file, help="weights of an emotion classifier")
    saying.add_argument("--wanted", help="the emotion whose probability is measured, such as surprised")
    saying.set_defaults(run=say)
    comparing = ways.add_parser("compare", help="compare what say measured, line by line")
    comparing.add_argument("base", type=a_file)
    comparing.add_argument("others", type=a_file, nargs="+")
    comparing.add_argument("--result", type=file_to_write, help="also write a result file here")
    comparing.set_defaults(run=compare)
    given = parser.parse_args()
    given.run(given)


if __name__ == "__main__":
    run_program(main)
