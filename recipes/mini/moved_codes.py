"""Where the codes of a speech tokenizer that was trained on have gone, so that models of the old codes go on.

    python recipes/mini/moved_codes.py --work WORK --before src/glmtts/models/mini

A new code stands for the old ones that the tokenizer before (a bundle's) wrote in its place; a row of a table of codes
becomes the mean of their rows. Before any training, the flow and the language model then lose little of what they
know. Run it after `tokens.py` has written the new tokens; `WORK/moved_codes.safetensors` is what the configurations of
those stages name as `init.moved_codes`.
"""

from collections.abc import Sequence

import torch
from models import FROZEN_LAYERS, datasets_of
from safetensors.torch import save_file
from torch import Tensor
from tqdm import tqdm

from glmtts.bundle import Bundle
from glmtts.data import Dataset, SourceConfig, UtteranceRef
from glmtts.errors import TrainingError
from glmtts.programs import a_folder, parser_of, run_program, whole_from, write_whole
from glmtts.speech_tokenizer.model import SpeechTokenizer
from glmtts.speech_tokenizer.train import tokens_from_hidden

MOST = 4000  # utterances that are looked at


def shares_of_old(before: SpeechTokenizer, frozen_layers: int, dataset: Dataset) -> Tensor:
    """How often each old code (column) stands where a new one (row) does, (C, C); a row that is not seen is its own."""
    codes, pairs = before.config.codes, [torch.zeros(0, dtype=torch.long)]
    for ref in tqdm(_sampled(dataset), desc="codes", unit="utt"):
        features = dataset.load(ref).features
        old = tokens_from_hidden(before, frozen_layers, features["hidden"])
        new = torch.from_numpy(features["tokens"].astype("int64"))
        pairs.append(new * codes + torch.from_numpy(old).long())
    counts_CC = torch.bincount(torch.cat(pairs), minlength=codes**2).view(codes, codes).float()
    if counts_CC.equal(counts_CC.diag().diag()):
        raise TrainingError("No code has moved. Train the speech tokenizer to its end, then run tokens.py.")
    unseen = counts_CC.sum(1) == 0
    counts_CC[unseen] = torch.eye(codes)[unseen]
    return counts_CC / counts_CC.sum(1, keepdim=True)


def _sampled(dataset: Dataset) -> list[UtteranceRef]:
    """Utterances at even distances."""
    places = [
        UtteranceRef(source, shard, row, 0.0)
        for source, manifest in enumerate(dataset.manifests)
        for shard, entry in enumerate(manifest.shards)
        for row in range(entry.utterances)
    ]
    return places[:: 1 + len(places) // MOST]


def main(arguments: Sequence[str] | None = None) -> None:
    parser = parser_of(__doc__)
    parser.add_argument("--work", type=a_folder, required=True, help="holds data/")
    parser.add_argument("--before", type=a_folder, help="the bundle of the old codes; the embedded one by default")
    parser.add_argument("--frozen-layers", type=whole_from(0), default=FROZEN_LAYERS)
    parser.add_argument("--datasets", nargs="+", help="which are looked at; all that have tokens by default")
    chosen = parser.parse_args(arguments)
    sources = [SourceConfig(path=folder) for folder in datasets_of(chosen.work, "tokens", chosen.datasets)]
    dataset = Dataset.open(sources, ("hidden", "tokens"))
    before = Bundle.open(chosen.before).network("speech_tokenizer")
    shares_CC = shares_of_old(before, chosen.frozen_layers, dataset)
    write_whole(chosen.work / "moved_codes.safetensors", lambda path: save_file({"shares": shares_CC}, path))


if __name__ == "__main__":
    run_program(main)
