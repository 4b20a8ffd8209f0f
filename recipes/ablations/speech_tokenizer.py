"""Tables 1 and 2: train the speech tokenizers of configs/ablations/speech_tokenizer, and measure what their codes keep.

    PYTHONPATH=recipes/ablations python recipes/ablations/speech_tokenizer.py --whisper whisper-base/model.bin \\
        --lists CORPUS/heldout_teacher_en CORPUS/heldout_teacher_zh

`--lists` are folders of recordings with an index.jsonl that no configuration trains on. Run it again to go on. It
writes benchmarks/results/ablations/speech_tokenizer.json and the tables in docs/ablations.md.
"""

import argparse
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast

import numpy as np
from page import write_section
from runs import Ablated, arguments_of, finished, runs_of
from tqdm import tqdm

from glmtts.audio.f0 import estimate_f0
from glmtts.audio.io import load_audio
from glmtts.audio.resample import resample
from glmtts.bundle import Bundle
from glmtts.data.readings import Transcripts
from glmtts.data.shard import Utterance
from glmtts.eval.hardware import environment
from glmtts.eval.items import Item
from glmtts.eval.lists import index_list
from glmtts.eval.report.cells import figure
from glmtts.eval.statistics import bootstrap_mean, bootstrap_ratio
from glmtts.eval.work import write_text
from glmtts.programs import a_file, run_program
from glmtts.speech_tokenizer.batches import TokenizerExample, collate
from glmtts.speech_tokenizer.evaluation import evaluate
from glmtts.speech_tokenizer.heads import SpeechTokenizerTraining
from glmtts.speech_tokenizer.model import SAMPLE_RATE
from glmtts.speech_tokenizer.train import TokenizerLoss
from glmtts.synthesis.voice import voice_of
from glmtts.text.labels import BOUNDARY, without_boundaries
from glmtts.training.registry import create_task

TOLD = {
    "glm4_voice": "GLM-4-Voice: 12.5 Hz, 1,024 codes, causal, no pitch",
    "with_rate": "+ 25 Hz",
    "with_codes": "+ 2,048 codes",
    "with_future": "+ not causal",
    "with_pitch": "+ pitch",
    "report": "**the report: all four**",
    "report_fsq": "the report with FSQ, 3⁸ codes",
}
COLUMNS = {  # title, factor, digits
    "phoneme_error": ("ASR head, phonemes % ↓", 100, 1),
    "word_error": ("words % ↓", 100, 1),
    "f0_correlation": ("F0 correlation ↑", 1, 3),
    "voicing_error": ("voicing error % ↓", 100, 1),
    "mel_l1": ("log-mel L1 ↓", 1, 3),
}
RESULT = Path(__file__).parents[2] / "benchmarks" / "results" / "ablations" / "speech_tokenizer.json"


def examples_of(items: Sequence[Item], bundle: Bundle) -> list[TokenizerExample]:
    """What the heads are to tell of held-out recordings; lines with digits have no one reading, and are left out."""
    transcripts = Transcripts(bundle.frontend())
    rate, found = bundle.config.sample_rate, []
    for item in tqdm(items, desc="recordings"):
        assert item.reference_audio is not None
        wave = load_audio(item.reference_audio, rate)
        labels = transcripts.labels(Utterance(item.id, item.text, item.language, "", len(wave) / rate))
        if labels:
            voice = voice_of(bundle, wave, item.text)
            f0, heard = estimate_f0(wave, rate, 50).numpy(), resample(wave, rate, SAMPLE_RATE).numpy()
            found.append(TokenizerExample(heard, f0, voice.mel.T.numpy(), voice.embedding.numpy(), labels))
    return found


def measured(run: Ablated, examples: Sequence[TokenizerExample]) -> dict[str, Any]:
    """Figures of all recordings together, with intervals over recordings, and the use of the codes."""
    model = cast(SpeechTokenizerTraining, run.model())
    batches = [collate([example], model.config.pooling) for example in examples]
    relative = create_task(run.settings()).section(TokenizerLoss).relative_pitch
    together = evaluate(model, batches, relative)
    each = [evaluate(model, [batch], relative) for batch in tqdm(batches, desc=run.label)]
    counts = {
        "phoneme_error": [len(without_boundaries(example.labels)) for example in examples],
        "word_error": [1 + example.labels.count(BOUNDARY) for example in examples],
    }
    intervals = {}
    for column in COLUMNS:
        values = [one[column] for one in each]
        if column in counts:
            edits = [value * count for value, count in zip(values, counts[column], strict=True)]
            intervals[column] = bootstrap_ratio(edits, counts[column])
        else:  # a mean over recordings, as a whole and in the interval
            known = [value for value in values if not np.isnan(value)]
            together[column], intervals[column] = float(np.mean(known)), bootstrap_mean(known)
    rate = model.config.tokens_per_second
    return {**together, "intervals": intervals, "codes": model.config.codes, "tokens_per_second": rate}


def main() -> None:
    parser = arguments_of(__doc__, seeds=[0], lines=60)
    parser.add_argument("--whisper", type=a_file, required=True, help="model.bin of Whisper-base (CTranslate2)")
    chosen = parser.parse_args()
    runs = runs_of("speech_tokenizer", chosen.seeds, tuple(TOLD))
    runs = finished(runs, chosen.only_finished, [f"init.whisper={chosen.whisper.absolute()}"])
    bundle, found = Bundle.open(), {}
    for folder in chosen.lists:
        examples = examples_of(index_list(folder, chosen.lines).items, bundle)
        found[folder.name] = {run.label: measured(run, examples) for run in runs}
    steps = sorted({run.settings().schedule.steps for run in runs})
    result = {**environment(), "steps": steps, "lists": found}
    write_text(RESULT, json.dumps(result, indent=1) + "\n")
    rows = [row_of(name, run, figures[run.label]) for name, figures in found.items() for run in runs]
    titles = [title for title, _, _ in COLUMNS.values()]
    heads = ["recordings", "speech tokenizer", *titles, "codes in use %", "perplexity"]
    write_section("speech_tokenizer", heads, rows, notes_of(result, chosen))


def row_of(name: str, run: Ablated, figures: dict[str, Any]) -> list[str]:
    """A line of the table."""
    texts = []
    for column, (_, factor, digits) in COLUMNS.items():
        within = [factor * end for end in figures["intervals"][column] or ()]
        texts.append(figure(factor * figures[column], within, digits))
    label = TOLD[run.name] + (f", seed {run.seed}" if run.seed else "")
    return [name, label, *texts, f"{100 * figures['codes_used']:.0f}", f"{figures['perplexity']:.0f}"]


def notes_of(result: dict[str, Any], chosen: argparse.Namespace) -> list[str]:
    """What a reader must know of the tables."""
    return [
        f"{result['steps'][0]} steps for each, begun as Whisper-base; {chosen.lines} lines of each list, less those "
        "with digits. Intervals are 95 % by bootstrap over recordings.",
        "A word is an English word or a toned Mandarin syllable. F0 correlation, voicing and log-mel are told by heads "
        "that learn beside the codes and, but for F0 where pitch is trained, do not change them.",
        f"{result['hardware']} ({result['instruction_set']}). Commit {result['commit']}.",
    ]


if __name__ == "__main__":
    run_program(main)
