"""What a saved voice must be, for both runtimes: arrays of the right kind, finite, of the sizes of a model."""

from dataclasses import dataclass

import numpy as np

LOWEST_F0, HIGHEST_F0 = 20.0, 2000.0  # Hz; beyond them no voice is, and the flow speaks NaN
OTHER_SIZES = "The voice was made by a model of other sizes. Make it again from its recording."


@dataclass(frozen=True)
class VoiceArrays:
    """Speech tokens (S,), log-mel (M, T), embedding (D,), F0 () in Hz and adaptation (L, K), of any types and sizes."""

    tokens: np.ndarray
    mel: np.ndarray
    embedding: np.ndarray
    f0: np.ndarray
    adaptation: np.ndarray | None

    def check(self) -> None:
        """Raises ValueError where they do not fit each other, a number is not finite, or F0 is none of a voice."""
        if [array.ndim for array in (self.tokens, self.mel, self.embedding, self.f0)] != [1, 2, 1, 0]:
            raise ValueError("not a voice")
        # a mel without its tokens would be shown to the flow in the place of what is spoken
        frames, tokens = self.mel.shape[1], len(self.tokens)
        whole = frames % tokens == 0 if tokens else frames == 0
        numbers = [self.mel, self.embedding, self.f0, *([] if self.adaptation is None else [self.adaptation])]
        finite = all(np.isfinite(array).all() for array in numbers)
        if not whole or not finite or (self.tokens < 0).any():
            raise ValueError("not a voice")
        if not LOWEST_F0 <= float(self.f0) <= HIGHEST_F0:
            raise ValueError("no F0 of a voice")

    def fit(self, sizes: "VoiceSizes") -> bool:
        """Whether a model of `sizes` can use them."""
        adapted = self.adaptation is None or sizes.adaptation in (None, self.adaptation.shape)
        rate = sizes.frames_per_token
        return (
            adapted
            and len(self.mel) == sizes.n_mels
            and len(self.embedding) == (sizes.speaker_width or len(self.embedding))
            and not (self.tokens >= sizes.vocabulary).any()
            and (rate is None or self.mel.shape[1] == rate * len(self.tokens))
        )


@dataclass(frozen=True)
class VoiceSizes:
    """Mel filters, speech tokens there are, width of an embedding, shape of an adaptation, mel frames of a token.

    None: any.
    """

    n_mels: int
    vocabulary: int
    speaker_width: int | None
    adaptation: tuple[int, ...] | None
    frames_per_token: int | None = None
