"""The Llama of lm/model.py with packed weights, decoded by ONNX Runtime as one graph (ort/llama.py)."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

import numpy as np
import torch
from torch import Tensor

from glmtts.errors import BundleError
from glmtts.lm.quantised.config import QuantisedLMConfig, shapes, type_of
from glmtts.memory import trim
from glmtts.ort.decoder import Decoder, DecoderState, Embedding
from glmtts.ort.kernels import accuracy_level
from glmtts.ort.llama import llama_graph
from glmtts.ort.runtime import session
from glmtts.ort.tensors import Stored, stored
from glmtts.text.audio_tokens import AudioTokens

CPU = torch.device("cpu")


@dataclass
class PackedState:
    """Rows in flight, and where speech tokens lie in the vocabulary."""

    layout: AudioTokens
    rows: DecoderState = field(default_factory=DecoderState)


class QuantisedLlama:
    """Decodes like `Llama`, on a CPU, from weights that are not those of training: it cannot be trained.

    The embedding has eight bits, with a scale a row, and stays on the disk: only the rows that are looked up are read.
    """

    def __init__(self, decoder: Decoder, config: QuantisedLMConfig) -> None:
        self.decoder, self.config = decoder, config

    @classmethod
    def open(cls, path: Path, config: QuantisedLMConfig) -> Self:
        """Map packed weights into memory, and give them to the kernels that are fastest here (ort/kernels.py).

        Raises:
            BundleError: the file does not fit its configuration, or ONNX Runtime is not installed.
        """
        # headers alone: weights are mapped, and read when a kernel first needs them
        tensors, threads = stored(path), torch.get_num_threads()
        _check(path, tensors, config)
        level = accuracy_level(config.bits, config.block, threads)
        graph = llama_graph(config, tensors, path.name, level)
        return cls(Decoder(session(graph, threads, path.parent), config, Embedding(path, tensors)), config)

    @property
    def max_positions(self) -> int:
        """Ids that prompt and speech may have together."""
        return self.config.max_positions

    @property
    def device(self) -> torch.device:
        """Where logits come: the CPU."""
        return CPU

    def new_state(self, layout: AudioTokens) -> PackedState:
        """A decoding run without rows yet (stages.LanguageModel).

        Raises:
            BundleError: the head was packed for another vocabulary.
        """
        if layout.count + 1 != self.config.choices:
            raise BundleError(
                f"The packed language model has a head of {self.config.choices} choices, and the vocabulary "
                f"{layout.count + 1}. Pack the bundle again."
            )
        return PackedState(layout)

    def prefill(self, state: PackedState, prompt_ids: Sequence[int], copies: int) -> Tensor:
        """Read a prompt once and append `copies` rows that continue it; gives their logits (copies, C)."""
        logits_BC = self.decoder.prefill(state.rows, prompt_ids, copies)
        trim()  # else the activations of a prompt leave holes in the heap, 35 MB of the full size
        return torch.from_numpy(logits_BC)

    def step(self, state: PackedState, codes_B: Sequence[int]) -> Tensor:
        """Append one code (from 0) to every row; gives the logits that follow (B, C)."""
        return torch.from_numpy(self.decoder.step(state.rows, [state.layout.first + code for code in codes_B]))

    def reorder(self, state: PackedState, rows: Sequence[int]) -> None:
        """Row i of the state becomes what row `rows[i]` was; rows that are not named leave."""
        self.decoder.reorder(state.rows, rows)


def _check(path: Path, tensors: dict[str, Stored], config: QuantisedLMConfig) -> None:
    """Raises BundleError where tensors are missing, extra, misshapen, of another type, or hold what is no number."""
    wanted = shapes(config)
    wrong = sorted(wanted.keys() ^ tensors.keys()) + [
        name
        for name in sorted(wanted.keys() & tensors.keys())
        if (list(tensors[name].shape), tensors[name].dtype) != (wanted[name], type_of(name))
    ]
    if wrong:
        raise BundleError(
            f"{path.name} does not fit its configuration; missing, extra, misshapen or of another type: {wrong[:8]}. "
            "Pack or install the model again."
        )
    for name, one in tensors.items():
        if one.dtype == "F32" and not np.isfinite(one.mapped(path)).all():  # the others are integers
            raise BundleError(f"{path.name} holds values in {name} that are not numbers. Install the model again.")
