"""Write corpora as datasets, with the features that the stages of `mini` train on.

    python recipes/mini/prepare.py --corpus corpus/zh_daily corpus/en … --whisper whisper-base/model.bin --work WORK

For each corpus a dataset `WORK/data/NAME` with `wave` (24 kHz int16, for the vocoder), `mel` (80 bins, 50 Hz), `f0`
(Hz, 50 Hz) and `hidden` (Whisper-base after its frozen layers, 50 Hz). The language model alone needs no more than
`--features hidden`. Run it again to go on after a kill, or when a corpus has grown: what is there stays.
"""

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import torch
from corpora import SAMPLE_RATE, read_corpus
from models import load_whisper
from torch import Tensor

from glmtts.audio.f0 import estimate_f0
from glmtts.audio.io import load_audio
from glmtts.audio.mel import LogMel, MelConfig
from glmtts.audio.resample import resample
from glmtts.data import Dataset, FeatureSpec, Item, ShardWriter, SourceConfig, Utterance, add_feature
from glmtts.data.manifest import FILE
from glmtts.errors import DataError
from glmtts.programs import a_file, a_folder, folder_to_fill, parser_of, run_program
from glmtts.speech_tokenizer.model import SpeechTokenizer

TOKEN_SAMPLES = 960  # a speech token at 24 kHz: recordings are cut to whole ones
SHARD_SECONDS = 900  # a killed run loses what it has of one feature of one shard
SPECS = {
    "wave": FeatureSpec(rate=SAMPLE_RATE),
    "mel": FeatureSpec(rate=50),
    "f0": FeatureSpec(rate=50),
    "hidden": FeatureSpec(rate=50),
}
PROVENANCE = "recipes/mini/prepare.py from {}"


def wave_of(item: Item) -> Tensor:
    """The samples (T,) of an utterance at 24 kHz, cut to whole speech tokens."""
    samples = load_audio(item.utterance.extra["path"], SAMPLE_RATE)
    return samples[: len(samples) // TOKEN_SAMPLES * TOKEN_SAMPLES]


@torch.inference_mode()
def hidden_states(tokenizer: SpeechTokenizer, frozen_layers: int, samples_24k: Tensor) -> np.ndarray:
    """Output of Whisper's frozen layers, (frames at 50 Hz, width) float16."""
    samples = resample(samples_24k, SAMPLE_RATE, 16000)[: len(samples_24k) * 2 // 3]
    features = tokenizer.features(samples[None])
    valid = torch.ones(1, (features.shape[2] + 1) // 2)
    hidden, _ = tokenizer.encode_layers(tokenizer.embed(features), valid, 0, frozen_layers)
    return hidden[0].half().numpy()


def extractors(tokenizer: SpeechTokenizer, frozen_layers: int) -> dict[str, Callable[[Tensor], np.ndarray]]:
    """What computes each feature from the samples of an utterance."""
    mel = LogMel(MelConfig())
    return {
        "wave": lambda wave: (wave.clamp(-1, 1) * 32767).short().numpy(),
        "mel": lambda wave: mel(wave[None])[0].T.half().numpy(),
        "f0": lambda wave: estimate_f0(wave, SAMPLE_RATE, 50).numpy(),
        "hidden": lambda wave: hidden_states(tokenizer, frozen_layers, wave),
    }


def write_utterances(name: str, utterances: Sequence[Utterance], folder: Path) -> None:
    """Add the utterances of the corpus `name` that its dataset does not hold yet."""
    known: set[str] = set()
    if (folder / FILE).exists():
        known = {utterance.id for utterance in Dataset.open([SourceConfig(path=folder)]).utterances()}
    provenance = PROVENANCE.format(name)
    with ShardWriter(folder, name=name, provenance=provenance, shard_seconds=SHARD_SECONDS) as writer:
        for utterance in utterances:
            if utterance.id not in known:
                writer.add(utterance)


def prepare(
    name: str, utterances: Sequence[Utterance], folder: Path, extract: dict[str, Callable[[Tensor], np.ndarray]]
) -> None:
    """The dataset of the corpus `name`, with the features of `extract`."""
    write_utterances(name, utterances, folder)
    for feature, compute in extract.items():
        add_feature(folder, feature, SPECS[feature], lambda item, compute=compute: compute(wave_of(item)))


def read_corpora(corpora: Sequence[Path]) -> dict[str, list[Utterance]]:
    """All of them, before the first is prepared, which takes an hour; datasets have the names of their folders.

    Raises:
        DataError: one cannot be used, or two have the same name.
    """
    names, found = dict[str, Path](), dict[str, list[Utterance]]()
    for corpus in corpora:
        other = names.setdefault(corpus.resolve().name.casefold(), corpus)
        if other is not corpus:
            raise DataError(f"{other} and {corpus} would be one dataset. Rename one of them, or leave it out.")
        found[corpus.resolve().name] = read_corpus(corpus)
    return found


def main(arguments: Sequence[str] | None = None) -> None:
    parser = parser_of(__doc__)
    parser.add_argument("--corpus", type=a_folder, nargs="+", required=True)
    parser.add_argument("--whisper", type=a_file, required=True, help="model.bin of Whisper-base (CTranslate2)")
    parser.add_argument("--work", type=folder_to_fill, required=True, help="the datasets go to its folder data/")
    parser.add_argument("--features", nargs="+", default=tuple(SPECS), choices=tuple(SPECS), help="all by default")
    parser.add_argument("--config", type=a_file, help="run of the speech tokenizer; the one in configs/ by default")
    chosen = parser.parse_args(arguments)
    corpora = read_corpora(chosen.corpus)
    tokenizer, frozen_layers = load_whisper(chosen.whisper, chosen.config)
    extract = extractors(tokenizer, frozen_layers)
    for name, utterances in corpora.items():
        prepare(name, utterances, chosen.work / "data" / name, {one: extract[one] for one in chosen.features})


if __name__ == "__main__":
    run_program(main)
