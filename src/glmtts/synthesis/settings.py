"""How a model speaks where the user does not say: the section `synthesis` of a bundle."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Self

from pydantic import Field, model_validator

from glmtts.config import StrictConfig
from glmtts.errors import BundleError, ConfigError
from glmtts.flow.blocks import tokens_needed
from glmtts.judging.resampling import ResamplingConfig
from glmtts.lm.request import SamplingConfig
from glmtts.stages import Solver
from glmtts.text.normalisation.languages import Language

if TYPE_CHECKING:
    from glmtts.bundle import Bundle


# below 0, and of NaN, nothing would ever be accepted: all candidates would be decoded each time, without a word
Limit = Annotated[float, Field(ge=0)]


class Draft(StrictConfig):
    """Candidates that do not compete, of texts in these languages; the best is kept if it costs at most `max_nll`.

    The limit is in nats a phoneme. A recogniser is surer of one language than of the other, also where all is well.
    """

    candidates: int = Field(ge=1)
    max_nll: Limit
    languages: tuple[Language, ...] = Field(default=("en", "zh"), min_length=1)


class SynthesisDefaults(StrictConfig):
    """Defaults of one model; the options of `say` and `stream` change them for one utterance.

    `continue_prompt`: the language model continues the text and tokens of the voice, where its text is known, and
    takes over its manner; else the voice is the flow's alone. `candidates` token sequences are decoded for each piece
    of text, and the one with the lowest CTC loss is used. Where even that one has a fault (judging/faults.py), or costs
    more than `max_nll` (nats a phoneme), all are decoded again with other seeds. With `resampling` they compete while
    they are decoded (judging/resampling.py). Before that, the `drafts` of its language are tried in turn: one without
    fault within its limit is kept and rendered once, which spares the rest. With `language_runs` a sentence of two
    languages is decoded in runs of one (synthesis/cuts.py), for a language model that learnt them apart. With
    `audio_best_of` above 1 the audio is judged too: while it costs more than `max_audio_nll`, the next best candidate
    is rendered, and the best is used (synthesis/rendering.py). In `adaptation_steps` steps the mel prior is tuned to
    each new voice (flow/adaptation.py); with `show_prompt` the flow sees the voice's recording before the speech.
    `blocks` are the token counts of a stream's blocks; the last one repeats. A stream has at most `stream_candidates`,
    and no drafts. With `history_tokens`, the language model also continues the earlier pieces of a text, the oldest
    left out where prompt and speech would be more tokens than that (the release's way, with 750); pieces are then
    decoded one after another.
    """

    voice: str | None = None
    sampling: SamplingConfig = SamplingConfig()
    continue_prompt: bool = True
    history_tokens: int = Field(default=0, ge=0)
    candidates: int = Field(default=1, ge=1)
    drafts: tuple[Draft, ...] = ()
    max_nll: Limit = 1e9
    resampling: ResamplingConfig | None = None
    language_runs: bool = False
    audio_best_of: int = Field(default=1, ge=1)
    max_audio_nll: Limit = 0.0
    stream_candidates: int = Field(default=4, ge=1)
    steps: int = Field(default=10, ge=1)
    guidance: float = Field(default=0.7, ge=0)
    t_start: float = Field(default=0.0, ge=0, lt=1)
    flow_temperature: float = Field(default=1.0, ge=0)
    adaptation_steps: int = Field(default=0, ge=0)
    show_prompt: bool = True
    pause_seconds: float = Field(default=0.15, ge=0)
    # a block without tokens would never end
    blocks: tuple[Annotated[int, Field(ge=1)], ...] = Field(default=(25, 50, 200), min_length=1)

    RENAMED: ClassVar[Mapping[str, str]] = {
        "doubt": "max_nll",
        "steering": "resampling",
        "renderings": "audio_best_of",
        "clear": "max_audio_nll",
        "start": "t_start",
    }

    @model_validator(mode="before")
    @classmethod
    def _drafts_of_one_limit(cls, values: Any) -> Any:
        """Earlier files hold numbers of candidates, and their one limit as `draft_nll`."""
        if not isinstance(values, dict) or "draft_nll" not in values:
            return values
        limit, counts = values["draft_nll"], values.get("drafts", ())
        if not isinstance(counts, list | tuple):
            raise ValueError("drafts must be a list of numbers of candidates beside draft_nll")
        others = {key: value for key, value in values.items() if key != "draft_nll"}
        return {**others, "drafts": [{"candidates": count, "max_nll": limit} for count in counts]}

    @classmethod
    def of(cls, bundle: Bundle) -> Self:
        """The defaults of a bundle.

        Raises:
            BundleError: its section `synthesis` is not valid.
        """
        try:
            return cls.parse(bundle.config.synthesis)
        except ConfigError as error:
            raise BundleError(f"{bundle.folder} is corrupt: {error} Install the model again.") from None

    def for_streams(self, frames_per_token: int) -> Self:
        """As a stream speaks, which cannot wait: fewer candidates, of which each resampling keeps one.

        The tokens of that one can leave at once. A resampling falls due just when the tokens are there that the first
        block and its look-ahead need.
        """
        resampling = self.resampling
        if resampling is not None:
            first = tokens_needed(self.blocks[0], frames_per_token)
            times = max(1, round(first / resampling.interval))
            resampling = resampling.model_copy(update={"keep": 1, "interval": -(-first // times)})
        count = min(self.candidates, self.stream_candidates) if resampling else 1
        return self.model_copy(update={"candidates": count, "drafts": (), "resampling": resampling})

    @property
    def solver(self) -> Solver:
        """How the flow is integrated; `t_start` and `flow_temperature` are explained there."""
        return Solver(self.steps, self.guidance, self.t_start, self.flow_temperature)
