"""Polyphones in context: g2pM's network (Park and Lee 2020), stacked with a dictionary by a linear classifier.

The network is a character BiLSTM with a two-layer head, run here in numpy. Its probabilities, the reading of
pypinyin's phrases and hashed n-grams of the characters around are weighed by a classifier that `recipes/text` trains.
"""

import json
import math
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors import safe_open

from glmtts.text.data import data_file
from glmtts.text.hashed import HashedScorer
from glmtts.text.polyphone_features import dense_features, phrases_around, sparse_features
from glmtts.text.words import Sentence

UNKNOWN, BEGIN, END = 1, 2, 3
WEIGHTS = "polyphones.safetensors"
Array = NDArray[Any]


class PolyphoneNetwork:
    """Characters (T) to probabilities of readings: embedding, BiLSTM, ReLU layer, softmax; names as in PyTorch."""

    def __init__(self, weights: dict[str, Array]) -> None:
        sides = ("", "_reverse")
        self._embedding = weights["embedding.weight"]
        self._inputs = np.stack([weights[f"lstm.weight_ih_l0{side}"].T for side in sides])
        self._recurrent = np.stack([weights[f"lstm.weight_hh_l0{side}"].T for side in sides])
        # PyTorch keeps two biases of each gate, which are only ever added
        self._bias = np.stack([weights[f"lstm.bias_ih_l0{side}"] + weights[f"lstm.bias_hh_l0{side}"] for side in sides])
        self._head = [weights[f"logit_layer.{layer}.{kind}"] for layer in (0, 2) for kind in ("weight", "bias")]

    def __call__(self, ids: list[int], positions: list[int]) -> Array:
        """Probabilities (P, classes) at `positions` of `ids`."""
        hidden = self._lstm(self._embedding[ids])[positions]
        weight, bias, out_weight, out_bias = self._head
        logits = np.maximum(hidden @ weight.T + bias, 0) @ out_weight.T + out_bias
        powers = np.exp(logits - logits.max(-1, keepdims=True))
        return powers / powers.sum(-1, keepdims=True)

    def _lstm(self, x: Array) -> Array:
        """Hidden states (T, 2 H) of both directions, which advance together as a batch of two."""
        # (2, T, 4 H): the second direction reads from the end
        gates = np.stack([x, x[::-1]]) @ self._inputs + self._bias[:, None]
        size = self._recurrent.shape[1]
        hidden, cell = np.zeros((2, 1, size), np.float32), np.zeros((2, 1, size), np.float32)
        states = np.empty((len(x), 2, size), np.float32)
        for step in range(len(x)):
            gate = gates[:, step : step + 1] + hidden @ self._recurrent
            opened = 0.5 + 0.5 * np.tanh(
                gate / 2
            )  # the sigmoids of input, forget, (candidate), output, as PyTorch orders them
            candidate = np.tanh(gate[..., 2 * size : 3 * size])
            cell = opened[..., size : 2 * size] * cell + opened[..., :size] * candidate
            hidden = opened[..., 3 * size :] * np.tanh(cell)
            states[step] = hidden[:, 0]
        # the second direction turned around again, so that both tell of the same character
        return np.concatenate([states[:, 0], states[::-1, 1]], -1)


class PolyphoneModel:
    """Chooses the reading of every polyphone of a text among its `candidates`."""

    def __init__(
        self,
        network: PolyphoneNetwork,
        characters: str,
        classes: list[str],
        candidates: dict[str, list[str]],
        scorer: HashedScorer,
        dense: list[float],
    ) -> None:
        self.network, self.candidates, self.scorer, self.dense = network, candidates, scorer, dense
        self._ids = {character: number for number, character in enumerate(characters)}
        self._columns = {character: _columns(readings, classes) for character, readings in candidates.items()}

    @classmethod
    def load(cls, path: Path) -> "PolyphoneModel":
        """Read what `recipes/text/train_polyphones.py` wrote."""
        with safe_open(path, "np") as file:
            tensors = {name: file.get_tensor(name).astype(np.float32) for name in file.keys()}  # noqa: SIM118
            lists = json.loads(file.metadata()["lists"])
        scorer, dense = HashedScorer(tensors.pop("weights").tolist()), tensors.pop("dense").tolist()
        return cls(PolyphoneNetwork(tensors), **lists, scorer=scorer, dense=dense)

    def resolve(
        self, sentence: Sentence, readings: list[str | None], positions: Sequence[int], margin: float = 0.0
    ) -> None:
        """Replace, in place, a dictionary's `readings` (one a character) of the polyphones at `positions`.

        With a `margin` a reading stays unless another one scores higher by more than that.
        """
        positions = [place for place in positions if sentence.text[place] in self.candidates and readings[place]]
        if not positions:
            return
        for position, probabilities in zip(positions, self.probabilities(sentence.text, positions), strict=True):
            scores = self.scores(sentence, position, readings[position], probabilities)
            best = max(scores, key=lambda reading: scores[reading])
            if scores[best] - scores.get(readings[position] or "", -math.inf) > margin or not margin:
                readings[position] = best

    def probabilities(self, text: str, positions: Sequence[int]) -> list[dict[str, float]]:
        """The network's probability of each candidate at each position."""
        ids = [BEGIN, *(self._ids.get(character, UNKNOWN) for character in text), END]
        rows = self.network(ids, [position + 1 for position in positions]).tolist()
        return [
            {reading: row[column] if column >= 0 else 0.0 for reading, column in self._columns[text[position]]}
            for position, row in zip(positions, rows, strict=True)
        ]

    def scores(
        self, sentence: Sentence, position: int, dictionary: str | None, probabilities: dict[str, float]
    ) -> dict[str, float]:
        """Score of each candidate at `position`."""
        phrases = phrases_around(sentence.text, position)
        network = max(probabilities, key=lambda reading: probabilities[reading])
        features = sparse_features(sentence, position, phrases, dictionary, network)

        def score(label: str) -> float:
            numbers = dense_features(label, phrases, dictionary, probabilities)
            return self.scorer.score(features, label) + sum(a * b for a, b in zip(self.dense, numbers, strict=True))

        return {reading: score(reading) for reading in probabilities}


def _columns(readings: list[str], classes: list[str]) -> list[tuple[str, int]]:
    # −1: a reading that the network never learnt
    return [(reading, classes.index(reading) if reading in classes else -1) for reading in readings]


@lru_cache(maxsize=1)
def polyphone_model() -> PolyphoneModel:
    """The model that ships with the package."""
    return PolyphoneModel.load(data_file(WEIGHTS))
