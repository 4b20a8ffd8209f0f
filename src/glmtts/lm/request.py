"""What is asked of the language model: one sequence to decode, and how its tokens are drawn."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal

from pydantic import Field

from glmtts.config import StrictConfig

COLDEST = 1e-3  # below it the most likely token is taken: a temperature of 1e-40 makes the logits infinite
FinishReason = Literal["stop", "length", "cancelled", "failed"]
# float32 holds these: of a temperature of 1e300 it makes infinity, of a top_p of 1e-50 zero, by which nothing can be
# drawn, and the weights would be said to be damaged
HOTTEST, NARROWEST = 1e30, 1e-30
NO_CODE = -1  # in the place of a code: the logits of the row hold what is no number, so nothing can be drawn


class SamplingConfig(StrictConfig):
    """How tokens are drawn, and how many a text may take.

    The ratios bound the speech tokens for each text token; for texts of a few tokens, at least `min_tokens` are drawn
    and `extra_tokens` more than the ratio are allowed. A temperature below `COLDEST` takes the most likely token; a
    `repetition_threshold` above 1 lets every token repeat.
    """

    # defaults of the release: nucleus and repetition-aware sampling, and the ratios of report section 2.2, [2, 20]
    temperature: float = Field(default=1.0, ge=0, le=HOTTEST)
    top_p: float = Field(default=0.8, ge=NARROWEST, le=1)
    top_k: int = Field(default=25, ge=1)
    repetition_window: int = Field(default=10, ge=1)
    repetition_threshold: float = Field(default=0.1, gt=0)
    min_ratio: float = Field(default=2.0, ge=0)
    max_ratio: float = Field(default=20.0, ge=0)
    min_tokens: int = Field(default=1, ge=1)
    extra_tokens: int = Field(default=0, ge=0)

    RENAMED: ClassVar[Mapping[str, str]] = {"fewest": "min_tokens", "slack": "extra_tokens"}


@dataclass(eq=False)
class Request:
    """One sequence to decode: what comes before it, how tokens are drawn, and the output tokens so far (codes from 0).

    With an `adapter` it is decoded through that (adapters.py). `generator` is torch's, or NumPy's where the logits are
    NumPy's (lm/rows.py).
    `finish_reason` is None while it is being decoded; "stop": the end of audio was drawn; "length": its bound was
    reached; "cancelled": nobody waits for it; "failed": its logits are no numbers any more.
    """

    prompt_ids: Sequence[int]
    sampling: SamplingConfig
    text_length: int
    generator: Any
    tokens: list[int] = field(default_factory=list)
    finish_reason: FinishReason | None = None
    adapter: Any = None

    @property
    def ended(self) -> bool:
        """Whether no more tokens come."""
        return self.finish_reason is not None

    def append(self, code: int | None, at_most: int) -> None:
        """Take the token that was drawn, None for the end of audio; the request ends there, or at `at_most` tokens.

        `NO_CODE` ends it too, as failed.
        """
        if code is None:
            self.finish_reason = "stop"
            return
        if code == NO_CODE:
            self.finish_reason = "failed"
            return
        self.tokens.append(code)
        if len(self.tokens) >= at_most:
            self.finish_reason = "length"

    def repeats(self, token: int) -> bool:
        """Whether `token` stands at least K·r times among the last K, with window K and threshold r."""
        recent = self.tokens[-self.sampling.repetition_window :]
        return recent.count(token) >= self.sampling.repetition_window * self.sampling.repetition_threshold
