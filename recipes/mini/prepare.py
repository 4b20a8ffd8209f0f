"""Compute the features that every stage of `mini` trains on, once.

    python recipes/mini/prepare.py --corpus corpus/zh_daily corpus/en … --whisper whisper-base/model.bin --out features

For each corpus, a folder of packed features: `wave` (24 kHz int16, for the vocoder), `mel` (80 bins, 50 Hz), `f0` (Hz,
50 Hz) and `hidden` (Whisper-base after its five frozen layers, 50 Hz). A corpus that is done is skipped. The language
model alone needs no more than `--features hidden`; the other stages leave such a corpus out.
"""

import argparse
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import torch
from corpora import Utterance, read_corpus
from tqdm import tqdm
from whisper_base import encoder_weights

from glmtts.audio.f0 import estimate_f0
from glmtts.audio.io import load_audio
from glmtts.audio.mel import LogMel, MelConfig
from glmtts.audio.resample import resample
from glmtts.features import write_feature, write_index
from glmtts.speech_tokenizer.model import SpeechTokenizer, SpeechTokenizerConfig

FROZEN_LAYERS = 5
RATE = 24000
FEATURES = ("wave", "mel", "f0", "hidden")


def load_waves(utterances: list[Utterance], label: str) -> Iterator[torch.Tensor]:
    """24 kHz samples of each utterance, cut to whole speech tokens."""
    for utterance in tqdm(utterances, desc=label, unit="utt", mininterval=10):
        samples = load_audio(utterance.path, RATE)
        yield samples[: len(samples) // 960 * 960]


@torch.inference_mode()
def hidden_states(tokenizer: SpeechTokenizer, samples_24k: torch.Tensor) -> np.ndarray:
    """Output of Whisper's frozen layers, (frames at 50 Hz, 512) float16."""
    samples = resample(samples_24k, RATE, 16000)[: len(samples_24k) * 2 // 3]
    features = tokenizer.features(samples[None])
    valid = torch.ones(1, (features.shape[2] + 1) // 2)
    hidden, _ = tokenizer.encode_layers(tokenizer.embed(features), valid, 0, FROZEN_LAYERS)
    return hidden[0].half().numpy()


def prepare(folder: Path, tokenizer: SpeechTokenizer, out: Path, names: Sequence[str]) -> None:
    """The named features of one corpus."""
    utterances = read_corpus(folder)
    write_index(out, [{**vars(utterance), "path": str(utterance.path)} for utterance in utterances])
    mel = LogMel(MelConfig())
    features = {
        "wave": lambda wave: (wave.clamp(-1, 1) * 32767).short().numpy(),
        "mel": lambda wave: mel(wave[None])[0].T.half().numpy(),
        "f0": lambda wave: estimate_f0(wave, RATE, 50).numpy(),
        "hidden": lambda wave: hidden_states(tokenizer, wave),
    }
    for feature in (name for name in features if name in names and not (out / f"{name}.npy").exists()):
        waves = load_waves(utterances, f"{folder.name} {feature}")
        write_feature(out, feature, (features[feature](wave) for wave in waves))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--corpus", type=Path, nargs="+", required=True)
    parser.add_argument("--whisper", type=Path, required=True, help="model.bin of Whisper-base (CTranslate2)")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--features", nargs="+", default=FEATURES, choices=FEATURES, help="which; all by default")
    arguments = parser.parse_args()
    tokenizer = SpeechTokenizer(SpeechTokenizerConfig())
    weights = encoder_weights(arguments.whisper)
    tokenizer.load_state_dict(
        {name: value for name, value in weights.items() if name in tokenizer.state_dict()}, strict=False
    )
    for folder in arguments.corpus:
        prepare(folder, tokenizer, arguments.out / folder.name, arguments.features)


if __name__ == "__main__":
    main()
