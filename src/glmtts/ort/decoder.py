"""Decoding of a language model in ONNX Runtime: rows join, advance, move and leave; arrays are NumPy's.

Buffers of keys and values are made once and bound to the session, which writes the new positions in place: a step
copies nothing. They double where rows or positions do not suffice.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from glmtts.errors import BundleError, TextError
from glmtts.ort.llama import Sizes, key_value_names
from glmtts.ort.runtime import bytes_for_cache, runtime
from glmtts.ort.tensors import Stored

FIRST_POSITIONS = 256  # of a buffer; a sentence of `mini` needs 80 to 250


class Embedding:
    """Ids (L,) to float32 vectors (L, D): rows of a table of eight bits with a scale each, or of a plain one.

    The table stays in its file; of 200 MB a sentence looks at a few pages.
    """

    def __init__(self, path: Path, tensors: Mapping[str, Stored]) -> None:
        """Map the table of a file that holds these tensors.

        Raises:
            BundleError: it holds none, or one of eight bits without a scale for each row.
        """
        codes, scales = tensors.get("embedding.codes", tensors.get("embedding")), tensors.get("embedding.scales")
        rows = None if codes is None or "embedding.codes" not in tensors else codes.shape[:1]
        if (
            codes is None
            or len(codes.shape) != 2
            or not codes.length
            or (None if scales is None else scales.shape) != rows
        ):
            raise BundleError(f"{path} holds no embedding of a language model. Install or export the model again.")
        self._codes_VD = np.asarray(codes.mapped(path))  # mapped still; indexing a memmap itself takes longer
        self._scales_V = None if scales is None else np.asarray(scales.mapped(path))

    @property
    def shape(self) -> tuple[int, ...]:
        """(V, D)."""
        return self._codes_VD.shape

    def __call__(self, ids_L: np.ndarray) -> np.ndarray:
        """See the class."""
        vectors_LD = self._codes_VD[ids_L].astype(np.float32)
        return vectors_LD if self._scales_V is None else vectors_LD * self._scales_V[ids_L][:, None]


class _Bound:
    """A binding of so many rows and ids each, whose arrays are made once: a step writes into them and reads logits."""

    def __init__(self, session: Any, shape: tuple[int, int], sizes: Sizes, choices: int | None) -> None:
        rows, fresh = self.shape = shape
        self.hidden_BLD = np.zeros((rows, fresh, sizes.hidden_size), np.float32)
        self.last_B, self.total_1 = np.zeros(rows, np.int32), np.zeros(1, np.int32)
        self.logits_BC = None if choices is None else np.zeros((rows, choices), np.float32)
        self.binding = session.io_binding()
        for name, array in (("hidden", self.hidden_BLD), ("last", self.last_B), ("total", self.total_1)):
            self.binding.bind_ortvalue_input(name, _in_place(array))
        if self.logits_BC is None:
            self.binding.bind_output("logits")
        else:
            self.binding.bind_ortvalue_output("logits", _in_place(self.logits_BC))

    def run(self, session: Any) -> np.ndarray:
        """Logits (B, C) of what the arrays hold; a copy, since the next run writes over them."""
        session.run_with_iobinding(self.binding)
        # the first run of all: how many choices there are is not known before, so ONNX Runtime allocates
        logits_BC = self.binding.get_outputs()[0].numpy() if self.logits_BC is None else self.logits_BC
        return logits_BC.copy()


@dataclass
class DecoderState:
    """Rows in flight: how many positions each has, and its keys and values in row i of every buffer."""

    lengths: list[int] = field(default_factory=list)
    buffers: list[np.ndarray] = field(default_factory=list)
    bound: _Bound | None = None


class Decoder:
    """Prefill, step and reorder (stages.LanguageModel) on NumPy arrays; threads may share one, each with its state.

    `embedded` turns ids (L,) into float32 vectors (L, D).

    Raises:
        BundleError: the graph asks for an ONNX Runtime that is newer than this one.
    """

    def __init__(self, session: Any, sizes: Sizes, embedded: Callable[[np.ndarray], np.ndarray]) -> None:
        self.session, self.sizes, self._embedded = session, sizes, embedded
        self._names = key_value_names(sizes.num_layers)
        kept = {one.name: one.type for one in session.get_inputs()}.get(self._names[0][0])
        self._kept = np.int8 if kept == "tensor(int8)" else np.float32
        if self._kept is np.int8 and not bytes_for_cache():
            raise BundleError(
                f"The model keeps keys and values in eight bits, for which ONNX Runtime {runtime().__version__} is too "
                "old. Upgrade it (pip install --upgrade onnxruntime), or export the model again with this one."
            )
        self._choices: int | None = None  # of a row of logits; the first prompt tells

    def prefill(self, state: DecoderState, ids: Sequence[int], copies: int) -> np.ndarray:
        """Read a prompt once and append `copies` rows that continue it; gives their logits (copies, C).

        Raises:
            TextError: it leaves no position for speech.
        """
        check_prompt(len(ids), self.sizes.max_positions)
        own = DecoderState([0])
        # a state of its own: several new ids at once are read only where a row begins (`_run`)
        self._reserve(own, 1, len(ids))
        logits = self._run(own, np.asarray(ids)[None])
        rows = len(state.lengths)
        self._reserve(state, rows + copies, len(ids))
        for buffer, prompt in zip(state.buffers, own.buffers, strict=True):
            # one row (1, heads, L, head_dim) is broadcast to all copies
            buffer[rows : rows + copies, :, : len(ids)] = prompt[:, :, : len(ids)]
        state.lengths += [len(ids)] * copies
        return np.repeat(logits, copies, axis=0)

    def step(self, state: DecoderState, ids: Sequence[int]) -> np.ndarray:
        """Append one id to every row; gives the logits that follow (B, C)."""
        self._reserve(state, len(ids), max(state.lengths) + 1)
        return self._run(state, np.array(ids)[:, None])

    def reorder(self, state: DecoderState, rows: Sequence[int]) -> None:
        """Row i of the state becomes what row `rows[i]` was; rows that are not named leave."""
        # rows that keep their place are not copied
        into = [place for place, row in enumerate(rows) if row != place]
        if into:
            # repeated rows may need more room; their positions are there already
            self._reserve(state, len(rows), 1)
            taken = [rows[place] for place in into]
            # what lies behind the longest of them is never read
            used = max(state.lengths[row] for row in taken)
            for buffer in state.buffers:
                buffer[into, :, :used] = buffer[taken, :, :used]  # the right side is copied first
        state.lengths = [state.lengths[row] for row in rows]

    def _run(self, state: DecoderState, ids_BL: np.ndarray) -> np.ndarray:
        """Logits (B, C) of ids (B, L) that follow each row; all rows are of length 0 where L is above 1."""
        # while rows and ids stay as many, a step binds nothing
        if state.bound is None or state.bound.shape != ids_BL.shape:
            state.bound = self._bound(state, ids_BL.shape)
        state.lengths = [length + ids_BL.shape[1] for length in state.lengths]
        bound = state.bound
        bound.hidden_BLD[:] = self._embedded(ids_BL.ravel()).reshape(bound.hidden_BLD.shape)
        bound.last_B[:] = state.lengths
        # GroupQueryAttention asks for the length with what is new, less one
        bound.last_B -= 1
        bound.total_1[:] = max(state.lengths)
        logits_BC = bound.run(self.session)
        self._choices = logits_BC.shape[1]
        return logits_BC

    def _bound(self, state: DecoderState, shape: tuple[int, int]) -> _Bound:
        """A binding of the first rows of the buffers, which are read and written where they lie."""
        bound = _Bound(self.session, shape, self.sizes, self._choices)
        for (past, present), buffer in zip(self._names, state.buffers, strict=True):
            value = _in_place(buffer[: shape[0]])
            bound.binding.bind_ortvalue_input(past, value)
            bound.binding.bind_ortvalue_output(present, value)
        return bound

    def _reserve(self, state: DecoderState, rows: int, positions: int) -> None:
        """Buffers of at least so many rows and positions; those that are replaced keep what they hold."""
        had = state.buffers[0].shape if state.buffers else (0, 0, 0, 0)
        if had[0] >= rows and had[2] >= positions:
            return
        # doubled, so that a sentence copies its buffers only a few times
        wanted = (_doubled(had[0], rows, 1), self.sizes.num_kv_heads, _doubled(had[2], positions, FIRST_POSITIONS))
        larger = [np.zeros((*wanted, self.sizes.head_dim), self._kept) for _ in self._names]
        for new, old in zip(larger, state.buffers, strict=False):  # no old ones at first
            new[: had[0], :, : had[2]] = old
        # a binding holds the addresses of the buffers that are gone
        state.buffers, state.bound = larger, None


def check_prompt(length: int, positions: int) -> None:
    """See that a prompt leaves a position for speech: else keys and values would be written behind their buffers.

    Raises:
        TextError: `length` ids are as many as the model has `positions`, or more.
    """
    if length >= positions:
        raise TextError(
            f"The text is {length} tokens with what stands before it, and the language model takes {positions} with "
            "the speech. Give a shorter text."
        )


def _in_place(array: np.ndarray) -> Any:
    """An array as ONNX Runtime takes it, without a copy; the array must outlive the binding."""
    return runtime().OrtValue.ortvalue_from_numpy(array)


def _doubled(had: int, needed: int, least: int) -> int:
    size = max(had, least)
    while size < needed:
        size *= 2
    return size
