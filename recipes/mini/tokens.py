"""Write the speech tokens of every utterance, and which phoneme each of them speaks.

    python recipes/mini/tokens.py --work WORK --tokenizer WORK/speech_tokenizer

`--tokenizer` is the run that trained the speech tokenizer, or a bundle (`bundle`: the embedded one). Reads `hidden`
and writes the features `tokens` and `alignment` of every dataset in `WORK/data`. The alignment counts phonemes
without word boundaries; it is empty where a transcript leaves its reading open or is longer than its speech. Run it
again after the tokenizer was trained on: the codes have then moved, and are all written anew.
"""

from collections.abc import Callable, Sequence

import numpy as np
import torch
from models import datasets_of, digest_of_weights, load_tokenizer

from glmtts.data import FeatureSpec, Item, add_feature
from glmtts.data.readings import Transcripts
from glmtts.judging.recogniser import TokenRecogniser
from glmtts.programs import a_folder, parser_of, run_program
from glmtts.speech_tokenizer.train import tokens_from_hidden
from glmtts.text.frontend import TextConfig, TextFrontend
from glmtts.text.labels import BOUNDARY
from glmtts.text.tokenizer import TextTokenizer


def aligner(recogniser: TokenRecogniser, transcripts: Transcripts) -> Callable[[Item], np.ndarray]:
    """What aligns the tokens (S,) of an utterance with its phonemes: (S,) int32, or empty."""

    def align(item: Item) -> np.ndarray:
        labels = transcripts.labels(item.utterance)
        phoneme_of_label = np.maximum(0, np.cumsum([label != BOUNDARY for label in labels]) - 1)
        tokens = torch.from_numpy(item.features["tokens"].astype(np.int64))
        if not 0 < len(tokens) <= recogniser.longest:
            return np.zeros(0, dtype=np.int32)
        return phoneme_of_label[recogniser.read(tokens).align(labels)].astype(np.int32)

    return align


def main(arguments: Sequence[str] | None = None) -> None:
    parser = parser_of(__doc__)
    parser.add_argument("--work", type=a_folder, required=True, help="holds data/ and the vocabulary text/")
    parser.add_argument("--tokenizer", default="bundle", help="the run of the speech tokenizer, or a bundle")
    chosen = parser.parse_args(arguments)
    tokenizer, recogniser, frozen_layers = load_tokenizer(chosen.tokenizer)
    transcripts = Transcripts(TextFrontend(TextConfig(phoneme_in="all"), TextTokenizer.load(chosen.work / "text")))
    made_by = f"speech_tokenizer {digest_of_weights(tokenizer)}"
    align = aligner(recogniser, transcripts)

    def tokenize(item: Item) -> np.ndarray:
        return tokens_from_hidden(tokenizer, frozen_layers, item.features["hidden"])

    for folder in datasets_of(chosen.work, "hidden"):
        add_feature(folder, "tokens", FeatureSpec(rate=25, made_by=made_by), tokenize, ("hidden",))
        read_by = f"{made_by}, recogniser {digest_of_weights(recogniser)}"
        add_feature(folder, "alignment", FeatureSpec(rate=25, made_by=read_by), align, ("tokens",))


if __name__ == "__main__":
    run_program(main)
