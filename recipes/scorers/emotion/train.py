"""Train the emotion classifier on the features of `features.py`, and measure it on actors that it has not heard.

    python recipes/scorers/emotion/train.py FEATURES --whisper model.bin --out emotion.safetensors --report REPORT

The test actors are 17 to 20 (two women, two men), fixed before any training. What can be chosen (epochs, sizes) was
chosen by four folds of four of the other sixteen (`--folds`), never by the test actors. REPORT gets emotion.json,
with the confusion matrix, and emotion.png.
"""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from features import encoder_from
from safetensors.torch import load_file
from torch import Tensor
from tqdm import trange

from glmtts.errors import EvaluationError
from glmtts.eval.hardware import environment
from glmtts.eval.scorers.networks.emotion import LABELS, EmotionClassifier, EmotionConfig, EmotionHead, normalised
from glmtts.eval.statistics import bootstrap_mean
from glmtts.programs import (
    a_file,
    a_folder,
    file_to_write,
    folder_to_fill,
    parser_of,
    run_program,
    whole_from,
    write_text,
    write_whole,
)

TEST_ACTORS = ("ravdess17", "ravdess18", "ravdess19", "ravdess20")
FOLDS = 4
EPOCHS, BATCH, RATE, DECAY = 40, 32, 1e-3, 0.02
MIX_RATE = 0.05  # of the weights of the layers, which stay equal at the rate of the others
MIXUP, SMOOTHING = 0.3, 0.1


class Features:
    """Padded states (N, L, T, D) in float16 with the lengths, labels and copies of a few actors."""

    def __init__(self, folder: Path, actors: Sequence[str], originals: bool = False) -> None:
        rows = [
            (key, states)
            for actor in actors
            for key, states in sorted(load_file(folder / f"{actor}.safetensors").items())
            if not originals or key.endswith("/0")
        ]
        self.copies = 1 + max(int(key.rpartition("/")[2]) for key, _ in rows)
        longest = max(states.shape[1] for _, states in rows)
        self.states = torch.stack(
            [F.pad(normalised(states.float()).half(), (0, 0, 0, longest - states.shape[1])) for _, states in rows]
        )
        lengths = torch.tensor([states.shape[1] for _, states in rows])
        self.valid = torch.arange(longest)[None] < lengths[:, None]
        self.labels = torch.tensor([LABELS.index(key.partition("/")[0]) for key, _ in rows])

    def __len__(self) -> int:
        return len(self.labels)


def fit(data: Features, config: EmotionConfig, seed: int, epochs: int) -> EmotionHead:
    """A head, by AdamW with a one-cycle rate, mixup (Zhang et al., 2018) and label smoothing."""
    torch.manual_seed(seed)
    head = EmotionHead(config)
    others = [value for name, value in head.named_parameters() if name != "mix"]
    groups = [{"params": others, "lr": RATE}, {"params": [head.mix], "lr": MIX_RATE, "weight_decay": 0.0}]
    optimizer = torch.optim.AdamW(groups, weight_decay=DECAY)
    clips = len(data) // data.copies  # an epoch hears one copy of each clip
    steps = clips // BATCH
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, [RATE, MIX_RATE], epochs * steps)
    shares = torch.bincount(data.labels, minlength=len(LABELS)).clamp(min=1)
    weight = (shares.float().mean() / shares).sqrt()  # there is half as much neutral speech
    for _ in trange(epochs, desc=f"seed {seed}"):
        order = data.copies * torch.randperm(clips) + torch.randint(data.copies, (clips,))
        for step in range(steps):
            rows = order[step * BATCH : (step + 1) * BATCH]
            loss = mixed_loss(head, data, rows, weight)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
    return head.eval()


def mixed_loss(head: EmotionHead, data: Features, rows: Tensor, weight: Tensor) -> Tensor:
    """Cross entropy of pairs of clips, mixed frame by frame."""
    longest = int(data.valid[rows].sum(1).max())
    states, valid = data.states[rows, :, :longest].float(), data.valid[rows, :longest]
    other = torch.randperm(len(rows))
    share = float(np.random.default_rng(int(rows[0])).beta(MIXUP, MIXUP))
    mixed = head.mixed(states)  # the sum of layers is linear: clips are mixed after it, at a seventh of the cost
    logits = head.classified(share * mixed + (1 - share) * mixed[other], valid | valid[other])
    own, others = (
        F.cross_entropy(logits, data.labels[found], weight, label_smoothing=SMOOTHING) for found in (rows, rows[other])
    )
    return share * own + (1 - share) * others


@torch.inference_mode()
def predicted(heads: Sequence[EmotionHead], data: Features) -> Tensor:
    """Mean probabilities (N, labels)."""
    batches = range(0, len(data), 64)
    return torch.cat(
        [
            torch.stack(
                [head(data.states[i : i + 64].float(), data.valid[i : i + 64]).softmax(1) for head in heads]
            ).mean(0)
            for i in batches
        ]
    )


def cross_validated(folder: Path, actors: Sequence[str], config: EmotionConfig, epochs: int) -> list[float]:
    """Accuracy of each fold, with one head."""
    accuracies = []
    for fold in range(FOLDS):
        held = actors[fold::FOLDS]
        head = fit(Features(folder, [a for a in actors if a not in held]), config, fold, epochs)
        data = Features(folder, held, originals=True)
        accuracies.append(float((predicted([head], data).argmax(1) == data.labels).float().mean()))
        print(f"held out {held}: {accuracies[-1]:.3f}")
    return accuracies


def report(probabilities: Tensor, labels: Tensor) -> dict[str, Any]:
    """Accuracy with its interval, recall by emotion, the confusion matrix (rows: what was meant)."""
    found = probabilities.argmax(1)
    matrix = torch.zeros(len(LABELS), len(LABELS), dtype=torch.int64)
    for meant, heard in zip(labels.tolist(), found.tolist(), strict=True):
        matrix[meant, heard] += 1
    recall = matrix.diagonal() / matrix.sum(1)
    return {
        "clips": len(labels),
        "accuracy": round(float((found == labels).float().mean()), 4),
        "accuracy_95": [round(end, 4) for end in bootstrap_mean((found == labels).float().tolist()) or ()],
        "unweighted_recall": round(float(recall.mean()), 4),
        "recall": {label: round(float(value), 3) for label, value in zip(LABELS, recall, strict=True)},
        "confusion": matrix.tolist(),
        "labels": LABELS,
    }


def plot(result: dict[str, Any], path: Path) -> None:
    """The confusion matrix as a figure."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    matrix = np.array(result["confusion"])
    figure, axes = pyplot.subplots(figsize=(6, 5))
    shares = matrix / matrix.sum(1, keepdims=True)
    axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    for row, column in np.ndindex(matrix.shape):
        shade = "white" if shares[row, column] > 0.6 else "black"
        axes.text(column, row, matrix[row, column], ha="center", va="center", color=shade)
    places = range(len(LABELS))
    axes.set_xticks(places, LABELS, rotation=45, ha="right")
    axes.set_yticks(places, LABELS)
    axes.set_xlabel("heard")
    axes.set_ylabel("meant")
    axes.set_title(f"{result['accuracy']:.1%} of {result['clips']} clips of four held-out actors")
    figure.tight_layout()
    write_whole(path, lambda part: figure.savefig(part, dpi=120))


def main() -> None:
    parser = parser_of(__doc__)
    parser.add_argument("features", type=a_folder)
    parser.add_argument("--whisper", type=a_file, required=True, help="the file that features.py was given")
    parser.add_argument("--out", type=file_to_write, required=True)
    parser.add_argument("--report", type=folder_to_fill, required=True, help="a folder")
    parser.add_argument("--heads", type=whole_from(), default=2)
    parser.add_argument("--epochs", type=whole_from(), default=EPOCHS)
    parser.add_argument("--actors", nargs="+", help="train on these, such as ravdess01 ravdess03; all by default")
    parser.add_argument("--folds", action="store_true", help="only cross-validate over the training actors")
    given = parser.parse_args()
    torch.set_num_threads(1)
    encoder = encoder_from(given.whisper)
    config = EmotionConfig(encoder=encoder.config, heads=given.heads)
    found = [path.stem for path in sorted(given.features.glob("*.safetensors"))]
    actors = [actor for actor in given.actors or found if actor not in TEST_ACTORS]
    needed = [*actors, *(() if given.folds else TEST_ACTORS)]
    if not actors or (lacking := sorted({*needed} - {*found})):
        told = ", ".join(lacking) if actors else "any actor to train on"
        raise EvaluationError(f"{given.features} has no features of {told}. Make them with features.py.")
    if given.folds:
        print(np.mean(cross_validated(given.features, actors, config, given.epochs)))
        return
    data = Features(given.features, actors)
    model = EmotionClassifier(config)
    model.encoder = encoder
    for seed in range(given.heads):
        model.heads[seed] = fit(data, config, seed, given.epochs)
    model.eval()
    given.out.parent.mkdir(parents=True, exist_ok=True)
    model.save(given.out, {"training": f"RAVDESS, {len(actors)} actors; CC BY-NC-SA 4.0"})
    test = Features(given.features, TEST_ACTORS, originals=True)
    result = environment() | report(predicted(list(model.heads), test), test.labels)
    result |= {"train": actors, "test": TEST_ACTORS, "heads": given.heads, "epochs": given.epochs}
    write_text(given.report / "emotion.json", json.dumps(result, indent=1) + "\n")
    plot(result, given.report / "emotion.png")
    print(json.dumps({key: result[key] for key in ("accuracy", "accuracy_95", "recall")}))


if __name__ == "__main__":
    run_program(main)
