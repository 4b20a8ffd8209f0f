"""The guided velocity during one integration: computed as it is, or at padded lengths from recordings (graphs.py).

On a GPU a step of a small flow is bound by its some hundred launches. Recordings need fixed shapes, so utterances are
padded to the next of a few lengths; padding changes nothing of what is real, as in a batch of unlike rows.
"""

import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from functools import partial
from typing import TYPE_CHECKING, Any

import torch
import torch.nn.functional as F
from torch import Tensor

from glmtts.flow.guidance import FlowInputs, guided_velocity
from glmtts.graphs import replayer

if TYPE_CHECKING:
    from glmtts.flow.dit import DiT

Velocity = Callable[[Tensor, Tensor], Tensor]  # of x (B, T, M) at a time (), (B, T, M)
SHORTEST = 128  # frames, 2.6 s at 50 a second: no shorter length is recorded
PARTS = 4  # lengths between a power of two and the next: at most a quarter of padding
MOST_GRAPHS = 24


def padded_length(frames: int) -> int:
    """The next length that is recorded."""
    # a quarter of the largest power of two below `frames`
    step = max(SHORTEST, 1 << (max(1, frames) - 1).bit_length() >> 1) // PARTS
    return max(SHORTEST, -(-frames // step) * step)


def padded(inputs: FlowInputs, length: int) -> FlowInputs:
    """Inputs of `length` frames, at least as many as they have; those behind the real ones are masked."""
    more = length - inputs.tokens_BTE.shape[1]
    mask_BT = inputs.mask_BT
    if mask_BT is None:
        mask_BT = torch.ones(inputs.tokens_BTE.shape[:2], dtype=torch.bool, device=inputs.tokens_BTE.device)
    padding = (0, 0, 0, more)
    return FlowInputs(
        F.pad(inputs.tokens_BTE, padding),
        F.pad(inputs.prompt_BTM, padding),
        inputs.speaker_BD,
        F.pad(mask_BT, (0, more)),
    )


def padded_mask(attention_mask: Tensor, length: int) -> Tensor:
    """A mask (T, T) for `length` frames; a frame of the padding sees all, since one that sees nothing is no number."""
    more = length - len(attention_mask)
    return F.pad(F.pad(attention_mask, (0, more)), (0, 0, 0, more), value=True)


class RecordedVelocity:
    """Guided velocities of one model, whose weights stay where they are; one integration at a time has the tensors."""

    def __init__(self, device: torch.device) -> None:
        self._device, self._replayer, self._lock = device, replayer(device, MOST_GRAPHS), threading.Lock()
        self._held: dict[tuple[int, ...], _Held] = {}

    def __deepcopy__(self, memo: dict[int, Any]) -> "RecordedVelocity":
        """None of the recordings: a copied model has other weights."""
        return RecordedVelocity(self._device)

    @contextmanager
    def of(
        self, model: "DiT", inputs: FlowInputs, guidance: float, attention_mask: Tensor | None
    ) -> Iterator[Velocity]:
        """The velocity under these conditions, until the context is left."""
        batch, frames, _ = inputs.tokens_BTE.shape
        length = padded_length(frames)
        with self._lock:
            held = self._hold(batch, length, padded(inputs, length), attention_mask)
            work = partial(held.velocity, model, guidance, attention_mask is not None)
            key = (batch, length, guidance, attention_mask is not None)

            def velocity(x_BTM: Tensor, t: Tensor) -> Tensor:
                held.x_BTM[:, :frames] = x_BTM
                held.t.copy_(t)
                # a clone, since the next step writes over what a recording gives
                return self._replayer.run(key, work)[:, :frames].clone()

            yield velocity

    def _hold(self, batch: int, length: int, inputs: FlowInputs, attention_mask: Tensor | None) -> "_Held":
        """The tensors of a shape, with these inputs in them."""
        if (batch, length) not in self._held:
            if len(self._held) >= MOST_GRAPHS:
                # together: a recording reads the tensors that are held, by their addresses
                self._held.clear()
                self._replayer.clear()
            self._held[batch, length] = _Held(inputs)
        held = self._held[batch, length]
        held.set(inputs, None if attention_mask is None else padded_mask(attention_mask, length))
        return held


class _Held:
    """What recordings of one shape read, at addresses that stay."""

    def __init__(self, like: FlowInputs) -> None:
        assert like.mask_BT is not None
        self.inputs = FlowInputs(
            like.tokens_BTE.clone(), like.prompt_BTM.clone(), like.speaker_BD.clone(), like.mask_BT.clone()
        )
        self.x_BTM, self.t = torch.zeros_like(like.prompt_BTM), like.prompt_BTM.new_zeros(())
        frames = like.mask_BT.shape[1]
        self.mask_TT = torch.ones(frames, frames, dtype=torch.bool, device=self.t.device)

    def set(self, inputs: FlowInputs, mask_TT: Tensor | None) -> None:
        for name in ("tokens_BTE", "prompt_BTM", "speaker_BD", "mask_BT"):
            getattr(self.inputs, name).copy_(getattr(inputs, name))
        if mask_TT is not None:
            self.mask_TT.copy_(mask_TT)

    def velocity(self, model: "DiT", guidance: float, masked: bool) -> Tensor:
        mask = self.mask_TT if masked else None
        return guided_velocity(model, self.x_BTM, self.t, self.inputs, guidance, mask)


def velocity_of(
    model: "DiT", inputs: FlowInputs, guidance: float, attention_mask: Tensor | None, adapted: bool
) -> AbstractContextManager[Velocity]:
    """The guided velocity as a function of x and t, from recordings where the model has them.

    Low-rank adapters are found by the host, and compiled blocks know nothing of them, so rows that have some are
    computed as they are.
    """
    if model.recorded is None or adapted:
        return _plain(model, inputs, guidance, attention_mask)
    return model.recorded.of(model, inputs, guidance, attention_mask)


@contextmanager
def _plain(model: "DiT", inputs: FlowInputs, guidance: float, attention_mask: Tensor | None) -> Iterator[Velocity]:
    with torch.compiler.set_stance("force_eager") if model.compiled else nullcontext():
        yield lambda x_BTM, t: guided_velocity(model, x_BTM, t, inputs, guidance, attention_mask)
