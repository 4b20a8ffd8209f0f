"""Whether a voice is as loud as its recording was: clones of held-out speakers, with and without levelling.

    python benchmarks/prompt_loudness.py --corpus CORPUS --rows rows.jsonl

Needs the extra [eval]. For each of them and one sentence: the loudness (ITU-R BS.1770) of the
recording and of what its clone says, made of the recording as it is and of the levelled one; and for both the cosine of
recording and speech (Resemblyzer). A speaker takes a minute; `--rows` keeps those that are done, and a rerun goes on.
Results go to benchmarks/results/prompt_loudness.json.
"""

from pathlib import Path
from statistics import mean, stdev
from typing import Any

import torch
from report import environment, write_result
from tqdm import tqdm

import glmtts
from glmtts.audio.io import load_audio
from glmtts.audio.loudness import integrated_loudness, to_loudness
from glmtts.audio.prompt import PROMPT_LUFS
from glmtts.errors import DataError
from glmtts.programs import (
    a_folder,
    add_row,
    file_to_write,
    parser_of,
    read_index,
    read_rows,
    recording,
    run_program,
    whole_from,
)
from glmtts.synthesis.voice import adapted_voice, voice_of

SENTENCE = {
    "en": "In the evening we walked along the river, and the children ran ahead of us to the old stone bridge.",
    "zh": "傍晚我们沿着河边散步，孩子们跑在前面，一直跑到那座古老的石桥上。",
}


def recordings(corpus: Path) -> list[tuple[str, Path]]:
    """Held-out speakers, "lang name" each, with one recording of 3 to 8 s."""
    found: dict[str, list[Path]] = {}
    for folder in ("ljspeech", "aishell", "speechocean762"):
        for record in read_index(corpus / folder):
            held_out = folder == "ljspeech" or record["speaker"] == "S0252" or record["speaker"].endswith("7")
            if held_out and 3 <= record["seconds"] <= 8:
                path = recording(corpus / folder, record)
                found.setdefault(f"{record['lang']} {record['speaker']}", []).append(path)
    several = [(speaker, paths[0]) for speaker, paths in found.items() if len(paths) > 1]
    if len(several) < 2:
        raise DataError(
            f"{corpus} has {len(several)} held-out speakers of several recordings. Give a corpus of two or more."
        )
    return several


def measured(tts: glmtts.Synthesizer, encoder: Any, speaker: str, path: Path) -> dict[str, Any]:
    """The figures of one speaker."""
    from resemblyzer import preprocess_wav

    rate = tts.bundle.config.sample_rate
    samples = load_audio(path, rate, 30.0)
    source = encoder.embed_utterance(preprocess_wav(load_audio(path, 16000).numpy(), source_sr=16000))
    levelled = torch.from_numpy(to_loudness(samples.numpy(), rate, PROMPT_LUFS))
    row: dict[str, Any] = {"speaker": speaker, "prompt": round(integrated_loudness(samples.numpy(), rate), 1)}
    for name, wave in (("before", samples), ("after", levelled)):
        voice = adapted_voice(tts.bundle, voice_of(tts.bundle, wave, ""))
        spoken = tts.say(SENTENCE[speaker[:2]], voice, seed=0)
        like = encoder.embed_utterance(preprocess_wav(spoken.samples.numpy(), source_sr=rate)) @ source
        loudness = integrated_loudness(spoken.samples.numpy(), rate)
        row[name] = {"lufs": round(loudness, 1), "cos": round(float(like), 3)}
    return row


def main() -> None:
    parser = parser_of(__doc__)
    parser.add_argument("--corpus", type=a_folder, required=True)
    parser.add_argument(
        "--rows", type=file_to_write, required=True, help="a file that keeps the speakers that are done"
    )
    parser.add_argument("--model", type=a_folder, help="a bundle; the embedded one by default")
    parser.add_argument("--speakers", type=whole_from(2), default=10)
    given = parser.parse_args()
    rows, chosen = read_rows(given.rows), recordings(given.corpus)[: given.speakers]
    from resemblyzer import VoiceEncoder  # --help needs it not

    tts, encoder = glmtts.load(given.model), VoiceEncoder("cpu", verbose=False)
    done = {row["speaker"] for row in rows}
    for speaker, path in tqdm([one for one in chosen if one[0] not in done]):
        rows.append(measured(tts, encoder, speaker, path))
        add_row(given.rows, rows[-1])
    figures: dict[str, Any] = {"speakers": len(rows), "level": PROMPT_LUFS, "prompt_spread": _spread(rows, "prompt")}
    for name in ("before", "after"):
        levels = [row[name]["lufs"] for row in rows]
        figures[name] = {
            "lufs_mean": round(mean(levels), 1),
            "lufs_spread": round(stdev(levels), 1),
            "lufs_min_max": [min(levels), max(levels)],
            "cosine_mean": round(mean(row[name]["cos"] for row in rows), 3),
        }
    write_result("prompt_loudness", {**figures, "rows": rows, **environment()})


def _spread(rows: list[dict[str, Any]], name: str) -> float:
    return round(stdev(row[name] for row in rows), 1)


if __name__ == "__main__":
    run_program(main)
