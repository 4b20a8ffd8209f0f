"""Align the speech tokens of every utterance with its phonemes, by the speech tokenizer's own ASR head.

    python recipes/mini/align.py --work WORK

Writes the feature `alignment`: for each token the phoneme (counted without word boundaries) that it speaks; empty
where a transcript leaves its reading open or is longer than its speech.
"""

import argparse
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from corpora import PEOPLE, TEACHER
from prepare import FROZEN_LAYERS
from stage import frontend, hybrid_of, open_stores
from tqdm import tqdm

from glmtts.features import FeatureStore, write_feature
from glmtts.judging.recogniser import TokenRecogniser
from glmtts.speech_tokenizer.model import SpeechTokenizerConfig
from glmtts.speech_tokenizer.train import SpeechTokenizerTraining
from glmtts.text.frontend import TextFrontend, phonemes_of
from glmtts.text.labels import BOUNDARY
from glmtts.training import load_trained


def alignments(recogniser: TokenRecogniser, front: TextFrontend, store: FeatureStore) -> Iterator[np.ndarray]:
    """The alignment of each utterance of a corpus."""
    for number, entry in enumerate(tqdm(store.entries, desc=f"{store.folder.name} alignment", mininterval=10)):
        labels = phonemes_of(hybrid_of(front, entry))
        phoneme_of_label = np.maximum(0, np.cumsum([label != BOUNDARY for label in labels]) - 1)
        tokens = torch.from_numpy(np.array(store.get(number, "tokens"), dtype=np.int64))
        yield phoneme_of_label[recogniser.align(tokens, labels)].astype(np.int32)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--work", type=Path, required=True, help="holds features/ and the trained speech_tokenizer/")
    arguments = parser.parse_args()
    stores = open_stores(arguments.work / "features", (*TEACHER, *PEOPLE))
    front = frontend(arguments.work, stores)
    model = SpeechTokenizerTraining(SpeechTokenizerConfig(), FROZEN_LAYERS)
    load_trained(model, arguments.work / "speech_tokenizer")
    recogniser = TokenRecogniser.of(model.asr, model.code_vectors())
    for store in stores:
        write_feature(store.folder, "alignment", alignments(recogniser, front, store))


if __name__ == "__main__":
    main()
