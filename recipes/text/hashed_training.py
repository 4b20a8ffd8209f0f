"""Training of the hashed linear classifiers: cross-entropy over the readings of a word, Adagrad, L2 on what is used."""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

EPOCHS, BATCH, RATE = 15, 256, 0.05


@dataclass
class Examples:
    """Buckets (N, K, F), numbers (N, K, D), mask of real candidates (N, K) and right answers (N,), -1 for none."""

    buckets: Tensor
    dense: Tensor
    mask: Tensor
    answers: Tensor

    @classmethod
    def pack(cls, buckets: list[list[list[int]]], dense: list[list[list[float]]], answers: list[int]) -> "Examples":
        """Pad candidates and features; bucket -1 is padding."""
        size, most = len(buckets), max(map(len, buckets))
        widest = max(len(candidate) for example in buckets for candidate in example)
        packed = np.full((size, most, widest), -1, np.int64)
        numbers, mask = np.zeros((size, most, len(dense[0][0])), np.float32), np.zeros((size, most), bool)
        for i, (example, values) in enumerate(zip(buckets, dense, strict=True)):
            for k, candidate in enumerate(example):
                packed[i, k, : len(candidate)], numbers[i, k], mask[i, k] = candidate, values[k], True
        return cls(torch.tensor(packed), torch.tensor(numbers), torch.tensor(mask), torch.tensor(answers))

    def at(self, rows: Tensor) -> "Examples":
        """Some of the examples."""
        return Examples(self.buckets[rows], self.dense[rows], self.mask[rows], self.answers[rows])

    def with_(self, other: "Examples | None") -> "Examples":
        """These and others, padded to the same sizes."""
        if other is None:
            return self
        most = [max(a, b) for a, b in zip(self.buckets.shape, other.buckets.shape, strict=True)]

        def join(name: str, padding: int, sizes: list[int]) -> Tensor:
            parts = []
            for part in (getattr(self, name), getattr(other, name)):
                room = part.new_full((len(part), *sizes), padding)
                room[tuple(map(slice, part.shape))] = part
                parts.append(room)
            return torch.cat(parts)

        return Examples(
            join("buckets", -1, most[1:]),
            join("dense", 0, [most[1], self.dense.shape[2]]),
            join("mask", 0, [most[1]]),
            torch.cat([self.answers, other.answers]),
        )

    def __len__(self) -> int:
        return len(self.answers)


class Classifier(nn.Module):
    """A table of 2^bits weights and one weight a dense feature."""

    def __init__(self, bits: int, dense: list[float]) -> None:
        super().__init__()
        self.size = 1 << bits
        self.table = nn.Embedding(self.size + 1, 1, padding_idx=self.size)
        nn.init.zeros_(self.table.weight)
        self.dense = nn.Parameter(torch.tensor(dense))

    def forward(self, examples: Examples) -> tuple[Tensor, Tensor]:
        """Scores (N, K), and the weights used (N, K, F) for the penalty."""
        places = torch.where(examples.buckets < 0, self.size, examples.buckets % self.size)
        used = self.table(places)[..., 0]
        scores = used.sum(-1) + examples.dense @ self.dense
        return scores.masked_fill(~examples.mask, float("-inf")), used

    @torch.inference_mode()
    def accuracy(self, examples: Examples) -> float:
        """Share of right answers."""
        return (self(examples)[0].argmax(-1) == examples.answers).float().mean().item()


def fit(examples: Examples, bits: int, penalty: float, dense: list[float]) -> Classifier:
    """Train a classifier; examples whose answer is no candidate are left out."""
    torch.manual_seed(0)
    examples = examples.at((examples.answers >= 0).nonzero()[:, 0])
    model = Classifier(bits, dense)
    optimiser = torch.optim.Adagrad(model.parameters(), lr=RATE)
    for _ in range(EPOCHS):
        for rows in torch.randperm(len(examples)).split(BATCH):
            batch = examples.at(rows)
            scores, used = model(batch)
            loss = nn.functional.cross_entropy(scores, batch.answers) + penalty * used.square().sum() / len(rows)
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
    return model


def cross_validate(
    examples: Examples, bits: int, penalty: float, dense: list[float], extra: Examples | None = None, folds: int = 5
) -> float:
    """Mean accuracy on held-out folds of `examples`; `extra` are trained on in every fold."""
    order = torch.randperm(len(examples), generator=torch.Generator().manual_seed(0))
    parts = [order[fold::folds] for fold in range(folds)]
    scores = []
    for held_out in parts:
        kept = torch.ones(len(examples), dtype=torch.bool)
        kept[held_out] = False
        scores.append(
            fit(examples.at(kept.nonzero()[:, 0]).with_(extra), bits, penalty, dense).accuracy(examples.at(held_out))
        )
    return sum(scores) / folds
