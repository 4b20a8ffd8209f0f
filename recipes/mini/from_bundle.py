"""Go on from a bundle where its training state is gone: tokens and alignments by its tokenizer, weights as they are.

    python recipes/mini/from_bundle.py --work WORK [--bundle src/glmtts/models/mini]

Needs the features of `prepare.py` and `speaker.py`. Writes `tokens` and `alignment` of every corpus, the vocabulary,
and states of `lm`, `flow` and `vocoder` from which their training goes on at step 0, with new moments of the optimizer
(and a new discriminator: give `train_vocoder.py` a low `--learning-rate`, and `--gan-start 0`); states that are there
already stay. What is not trained again, `export.py` takes from the embedded bundle.

With `--speech-tokenizer` it writes that stage's state alone, with new pitch and mel heads. Once that is trained on
(`train_speech_tokenizer.py` with a low `--learning-rate`), run `align.py`, then this without the option, which leaves
that stage's tokens as they are: the codes have moved, and the tables of the language model and the flow follow them
(moved_codes.py).
"""

import argparse
from pathlib import Path

from align import alignments
from corpora import ALL
from moved_codes import carried, shares_of_old
from prepare import FROZEN_LAYERS
from stage import frontend, open_stores, write_tokens

from glmtts.bundle import Bundle
from glmtts.checkpoint import save_state
from glmtts.features import FeatureStore, write_feature
from glmtts.lm.prompt import AudioTokens
from glmtts.speech_tokenizer.model import SpeechTokenizerConfig
from glmtts.speech_tokenizer.train import SpeechTokenizerTraining


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--work", type=Path, required=True, help="holds features/; states go beside it")
    parser.add_argument("--corpora", nargs="+", default=ALL, help="all that have features by default")
    parser.add_argument("--bundle", type=Path, help="the embedded bundle by default")
    parser.add_argument("--speech-tokenizer", action="store_true", help="write the state of that stage, and no other")
    arguments = parser.parse_args()
    bundle, work = Bundle.open(arguments.bundle), arguments.work
    state = work / "speech_tokenizer" / "state.safetensors"
    if arguments.speech_tokenizer:
        start_speech_tokenizer(bundle, state)
        return
    bundle.frontend().tokenizer.save(_made(work / "text"))
    stores, shares = open_stores(work / "features", arguments.corpora, ("hidden",)), None
    if state.exists():
        shares = shares_of_old(bundle.module("speech_tokenizer"), stores)
    else:
        front = frontend(work, stores)
        for store in stores:
            write_tokens(bundle.module("speech_tokenizer"), store)
            fresh = FeatureStore(store.folder)
            write_feature(store.folder, "alignment", alignments(bundle.module("token_recogniser"), front, fresh))
    first = {"lm": AudioTokens.of(bundle.frontend().tokenizer).first, "flow": 0}
    for stage in ("lm", "flow"):
        if (work / stage / "state.safetensors").exists():
            print(f"{work / stage} is there already and stays as it is.")
            continue
        weights = bundle.module(stage).state_dict()
        if shares is not None:
            weights = carried(stage, weights, shares, first[stage])
        save_state(_made(work / stage) / "state.safetensors", {"step": 0, "model": weights, "ema": weights})
    if not (work / "vocoder" / "state.safetensors").exists():
        weights = bundle.module("vocoder").state_dict()
        save_state(_made(work / "vocoder") / "state.safetensors", {"step": 0, "generator": weights, "average": weights})


def start_speech_tokenizer(bundle: Bundle, state: Path) -> None:
    """Write the state from which the bundle's tokenizer is trained on, where none is yet."""
    if state.exists():
        raise SystemExit(f"{state} is there already. Move it to begin anew.")
    model = SpeechTokenizerTraining(SpeechTokenizerConfig(), FROZEN_LAYERS)
    recogniser = bundle.module("token_recogniser")
    model.go_on(bundle.module("speech_tokenizer"), recogniser.head, recogniser.codes.weight)
    weights = model.state_dict()
    save_state(_made(state.parent) / state.name, {"step": 0, "model": weights, "ema": weights})


def _made(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    return folder


if __name__ == "__main__":
    main()
