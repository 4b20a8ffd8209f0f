"""Go on from a bundle where its training state is gone: tokens and alignments by its tokenizer, weights as they are.

    python recipes/mini/from_bundle.py --work WORK [--bundle src/glmtts/models/mini]

Needs the features of `prepare.py` and `speaker.py`. Writes `tokens` and `alignment` of every corpus, the vocabulary,
and states of `lm` and `flow` from which `train_lm.py` and `train_flow.py` go on at step 0, with new moments of the
optimizer. What is not trained again, `export.py` takes from the embedded bundle.
"""

import argparse
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from align import alignments
from corpora import PEOPLE, TEACHER
from prepare import FROZEN_LAYERS
from stage import frontend, open_stores
from tqdm import tqdm

from glmtts.bundle import Bundle
from glmtts.checkpoint import save_state
from glmtts.features import FeatureStore, write_feature
from glmtts.speech_tokenizer.model import SpeechTokenizer


@torch.inference_mode()
def tokens(tokenizer: SpeechTokenizer, store: FeatureStore) -> Iterator[np.ndarray]:
    """Speech tokens (S,) of each utterance, from the cached output of the frozen layers."""
    for number in tqdm(range(len(store)), desc=f"tokens of {store.folder.name}", mininterval=10):
        hidden = torch.from_numpy(np.array(store.get(number, "hidden"), dtype=np.float32))[None]
        whole = hidden[:, : hidden.shape[1] // 2 * 2]
        encoded, _ = tokenizer.encode_layers(whole, torch.ones(whole.shape[:2]), FROZEN_LAYERS)
        yield tokenizer.codebook.nearest(tokenizer.project(tokenizer.pool(encoded)[0])).numpy().astype(np.int32)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--work", type=Path, required=True, help="holds features/; states go beside it")
    parser.add_argument("--bundle", type=Path, help="the embedded bundle by default")
    arguments = parser.parse_args()
    bundle, work = Bundle.open(arguments.bundle), arguments.work
    bundle.frontend().tokenizer.save(_made(work / "text"))
    stores = open_stores(work / "features", (*TEACHER, *PEOPLE))
    front = frontend(work, stores)
    for store in stores:
        write_feature(store.folder, "tokens", tokens(bundle.module("speech_tokenizer"), store))
        fresh = FeatureStore(store.folder)
        write_feature(store.folder, "alignment", alignments(bundle.module("token_recogniser"), front, fresh))
    for stage in ("lm", "flow"):
        weights = bundle.module(stage).state_dict()
        save_state(_made(work / stage) / "state.safetensors", {"step": 0, "model": weights, "ema": weights})


def _made(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    return folder


if __name__ == "__main__":
    main()
