"""Other stages without PyTorch: language model, recogniser, speech tokenizer."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from glmtts.onnx.features import SAMPLE_RATE, whisper_features
from glmtts.ort.decoder import Decoder, DecoderState
from glmtts.text.audio_tokens import AudioTokens

PIECE_SECONDS = 30  # that the tokenizer reads at once (speech_tokenizer/model.py)


@dataclass
class RowState:
    """Rows in flight, and where speech tokens lie in the vocabulary."""

    layout: AudioTokens
    rows: DecoderState = field(default_factory=DecoderState)


class OnnxLanguageModel:
    """Text to speech tokens (stages.LanguageModel); logits are NumPy's, so `device` is None."""

    device = None

    def __init__(self, decoder: Decoder, max_positions: int) -> None:
        self.decoder, self.max_positions = decoder, max_positions

    def new_state(self, layout: AudioTokens) -> RowState:
        """A decoding run without rows yet."""
        return RowState(layout)

    def prefill(self, state: RowState, prompt_ids: Sequence[int], copies: int) -> np.ndarray:
        """Read a prompt once and append `copies` rows that continue it; gives their logits (copies, C)."""
        return self.decoder.prefill(state.rows, prompt_ids, copies)

    def step(self, state: RowState, codes_B: Sequence[int]) -> np.ndarray:
        """Append one code (from 0) to every row; gives the logits that follow (B, C)."""
        return self.decoder.step(state.rows, [state.layout.first + code for code in codes_B])

    def reorder(self, state: RowState, rows: Sequence[int]) -> None:
        """Row i of the state becomes what row `rows[i]` was; rows that are not named leave."""
        self.decoder.reorder(state.rows, rows)


class OnnxRecogniser:
    """Reads labels in speech tokens (stages.Recogniser), arrays in and out."""

    NUMPY = True  # judging/reading.py asks

    def __init__(self, session: Any, longest: int) -> None:
        self._session, self.longest = session, longest

    def log_probs(self, tokens_BS: np.ndarray, start: int = 0, lengths_B: np.ndarray | None = None) -> np.ndarray:
        """Log-probabilities of the labels (B, S, V); the first token is token `start` of its utterance."""
        size = tokens_BS.shape[1]
        lengths = np.full(len(tokens_BS), size) if lengths_B is None else lengths_B
        given = {
            "tokens": tokens_BS.astype(np.int64),
            "positions": np.arange(start, start + size, dtype=np.int64),
            "mask": np.arange(size) < lengths[:, None],
        }
        return np.asarray(self._session.run(None, given)[0])


class OnnxSpeechTokenizer:
    """16 kHz samples to tokens."""

    def __init__(self, session: Any, n_mels: int, samples_per_token: int) -> None:
        self._session, self._n_mels, self._samples = session, n_mels, samples_per_token

    def tokenize(self, samples_T: np.ndarray) -> np.ndarray:
        """Tokens (S,) of samples (T,), in pieces of 30 s; empty where they are shorter than one token."""
        tokens = [np.zeros(0, np.int64)]
        for start in range(0, len(samples_T), PIECE_SECONDS * SAMPLE_RATE):
            piece = samples_T[start : start + PIECE_SECONDS * SAMPLE_RATE]
            whole = piece[: len(piece) // self._samples * self._samples]
            if len(whole):
                features = whisper_features(whole, self._n_mels)[None]
                tokens.append(self._session.run(None, {"features": features})[0][0])
        return np.concatenate(tokens)
