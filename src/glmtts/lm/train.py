"""Next-token training of the language model: speech tokens after text, with and without a voice prompt.

Where the alignment of text and speech is known, attention is guided along it (alignment.py), and a share of the
speech tokens that the model reads is replaced by random ones, so that it leans on the text and recovers from slips.
"""

from functools import cached_property
from itertools import islice
from pathlib import Path
from statistics import mean
from typing import Any, ClassVar

import torch
import torch.nn.functional as F
from pydantic import Field
from torch import Tensor, nn

from glmtts.config import Count, StrictConfig
from glmtts.data import Dataset
from glmtts.data.readings import Transcripts
from glmtts.data.section import BatchSource, DataSection
from glmtts.errors import ConfigError
from glmtts.lm.alignment import alignment_loss
from glmtts.lm.batches import LMBatches
from glmtts.lm.listening import SAMPLES, Line, lines_of, samples
from glmtts.lm.model import Llama, LMConfig
from glmtts.lm.sequences import Example, LMBatch, TokenizedUtterance, collate, example, text_view
from glmtts.text.audio_tokens import AudioTokens
from glmtts.text.frontend import TextConfig, TextFrontend
from glmtts.text.hybrid import PhonemeIn
from glmtts.text.hybrid_training import HybridCollate
from glmtts.text.tokenizer import TextTokenizer
from glmtts.training.config import RunConfig
from glmtts.training.listening import Sound
from glmtts.training.loader import to_device
from glmtts.training.registry import bundles
from glmtts.training.task import Metrics, Task
from glmtts.training.weights import check_moved, fill, is_run, move_codes, start_weights

TOKENS_PER_SECOND, TEXT_IDS_PER_SECOND = 25, 12  # of a dry run's made-up batch
TABLE = "model.embed_tokens.weight"


class LMData(DataSection):
    """`text` is the folder of the vocabulary, or a bundle; `codes` is how many speech tokens there are.

    With probability `prompt_share` an utterance follows another of its speaker as prompt; else it stands alone, so
    that the model learns to speak with a voice prompt and without. Where both together have more ids than
    `model.max_positions` it stands alone too, and where it alone has more, it is left out. With probability
    `all_phonemes` all is phonemes that `phoneme_in` names ("all": every known reading), else its text is hybrid as in
    the report (section 2.6).
    """

    text: str
    codes: Count
    phoneme_in: PhonemeIn = "all"
    prompt_share: float = Field(default=0.4, ge=0, le=1)
    all_phonemes: float = Field(default=0.75, ge=0, le=1)
    evaluated: int = Field(default=80, ge=0)


class LMLoss(StrictConfig):
    """`corruption` is the share of read speech tokens that are replaced.

    `alignment_scale` weighs the guidance of attention (alignment.py) in the layers `guided_layers`, counted from 0; a
    scale of 0 leaves it out, and the layers are not read.
    """

    corruption: float = Field(default=0.15, ge=0, le=1)
    alignment_scale: float = Field(default=0.5, ge=0)
    guided_layers: tuple[int, ...] = (2, 3)


class LMInit(StrictConfig):
    """`speech_rows` is a run or bundle of the speech tokenizer, from whose codebook a new model's speech embeddings
    begin; with `run.init_from` they are trained already, and `speech_rows` is not read, so that one file serves both.

    `moved_codes` is a safetensors file with `shares` (C, C), how much of each old code every new one stands for:
    `run.init_from` then goes on with a tokenizer whose codes have moved.
    """

    speech_rows: str | None = None
    moved_codes: Path | None = None


def corrupted(layout: AudioTokens, batch: LMBatch, share: float) -> Tensor:
    """The ids (B, L) of a batch, a `share` (0 to 1) of the speech tokens that carry a loss replaced by random ones."""
    ids = batch.ids_BL.flatten()
    read_N = ids[batch.positions_N]
    # not the begin of audio, which is read where the first token is wanted
    speech_N = (read_N >= layout.first) & (read_N < layout.first + layout.count)
    chosen_N = speech_N & (torch.rand(read_N.shape, device=ids.device) < share)
    random_N = torch.randint_like(read_N, layout.first, layout.first + layout.count)
    return ids.index_copy(0, batch.positions_N, torch.where(chosen_N, random_N, read_N)).view_as(batch.ids_BL)


def lm_loss(model: Llama, layout: AudioTokens, batch: LMBatch, config: LMLoss) -> tuple[Tensor, Metrics]:
    """Cross-entropy over speech tokens and the end of audio only, plus the scaled loss of the alignment, in nats."""
    ids_BL = corrupted(layout, batch, config.corruption) if config.corruption else batch.ids_BL
    inputs: list[Tensor] | None = [] if config.alignment_scale else None
    hidden_ND = model.hidden(ids_BL, inputs=inputs).flatten(0, 1)[batch.positions_N]
    # a softmax over codes and the end alone, as in decoding: nothing is learnt of ids that cannot follow
    logits_NC = (hidden_ND @ layout.choices(model.model.embed_tokens.weight).T).float()
    wanted_N = torch.where(batch.targets_N == layout.end, layout.count, batch.targets_N - layout.first)
    entropy = F.cross_entropy(logits_NC, wanted_N)
    accuracy = (logits_NC.detach().argmax(-1) == wanted_N).float().mean()
    metrics = {"cross_entropy": entropy.detach(), "accuracy": accuracy}
    if inputs is None:
        return entropy, metrics
    alignment = alignment_loss(model, inputs, batch.aligned_A, batch.places_A, config.guided_layers)
    return entropy + config.alignment_scale * alignment, {**metrics, "alignment": alignment.detach()}


class LanguageModelTask(Task):
    """`task = "lm"`: needs the features `tokens` and `alignment`."""

    sections: ClassVar = {"model": LMConfig, "data": LMData, "loss": LMLoss, "init": LMInit}

    def __init__(self, config: RunConfig) -> None:
        """Raises ConfigError also where a layer that the model has not is to be guided."""
        super().__init__(config)
        layers, guided = self.section(LMConfig).num_layers, self.section(LMLoss).guided_layers
        missing = [layer for layer in guided if not 0 <= layer < layers]
        if missing and self.section(LMLoss).alignment_scale:
            raise ConfigError(
                f"loss.guided_layers names layer {missing[0]}, but a model of {layers} layers counts them from 0 to "
                f"{layers - 1}. Correct it, or set loss.alignment_scale=0."
            )
        if not guided and self.section(LMLoss).alignment_scale:
            raise ConfigError(
                "loss.guided_layers is empty: no layer to guide. Name one, or set loss.alignment_scale=0."
            )

    def check(self) -> None:
        """Refuse also codes that are to move where there are none yet. Raises ConfigError."""
        super().check()
        check_moved(self.config.run.init_from, self.section(LMInit).moved_codes)

    def build(self) -> Llama:
        """A Llama with normal weights."""
        model = Llama(self.section(LMConfig))
        model.reset_parameters()
        return model

    def start(self, model: nn.Module) -> None:
        """Take the weights of `run.init_from`, move codes, or begin the speech embeddings from a codebook."""
        init, where = self.section(LMInit), self.config.run.init_from
        assert isinstance(model, Llama)
        if where is not None:
            fill(model, start_weights(where, "lm"), where)
        if init.moved_codes is not None:
            move_codes(model, (TABLE,), init.moved_codes, self.layout.first)
        if where is None and init.speech_rows is not None:
            # a run holds the tokenizer among its heads, a bundle alone
            name = "tokenizer.codebook.weight" if is_run(init.speech_rows) else "codebook.weight"
            codebook_CE = start_weights(init.speech_rows, "speech_tokenizer")[name]
            if len(codebook_CE) != self.layout.count:
                raise ConfigError(
                    f"The speech tokenizer of {init.speech_rows} has {len(codebook_CE)} codes, but data.codes is "
                    f"{self.layout.count}. Make them equal."
                )
            model.start_speech_from(codebook_CE, self.layout.first)

    @cached_property
    def frontend(self) -> TextFrontend:
        """The text front end with the vocabulary of `data.text`, whose sizes must be those of the model."""
        data, model = self.section(LMData), self.section(LMConfig)
        tokenizer = TextTokenizer.load(bundles().folder(data.text))
        found = AudioTokens.of(tokenizer).count
        if (tokenizer.size, found) != (model.vocab_size, data.codes):
            raise ConfigError(
                f"The vocabulary {data.text} has {tokenizer.size} ids, {found} of them speech, but model.vocab_size is "
                f"{model.vocab_size} and data.codes {data.codes}. Make them equal."
            )
        return TextFrontend(TextConfig(phoneme_in=data.phoneme_in), tokenizer)

    @cached_property
    def layout(self) -> AudioTokens:
        """Where speech lives in the vocabulary."""
        return AudioTokens.of(self.frontend.tokenizer)

    def source(self) -> BatchSource:
        """Batches of utterances that have a reading."""
        data, dataset, seed = self.section(LMData), self._dataset, self.config.run.seed
        transcripts = Transcripts(self.frontend)
        longest = self.section(LMConfig).max_positions
        make = LMBatches(dataset, transcripts, self.layout, seed, data.all_phonemes, self.prefix, longest)
        return data.batches(dataset, seed, make, data.prompt_share)

    @property
    def prefix(self) -> tuple[int, ...]:
        """Text ids before every text."""
        return ()

    def example(self, spoken: TokenizedUtterance, prompt: TokenizedUtterance | None = None) -> Example:
        """The sequence that the model reads of an utterance, and of another before it."""
        return example(self.layout, spoken, prompt, self.prefix)

    @cached_property
    def _dataset(self) -> Dataset:
        return self.section(LMData).open("tokens", "alignment")

    def units(self, model: nn.Module) -> list[nn.Module]:
        """The layers; those that are guided stay whole, as their projections are called once more on their own."""
        assert isinstance(model, Llama)
        loss = self.section(LMLoss)
        guided = loss.guided_layers if loss.alignment_scale else ()
        return [layer for number, layer in enumerate(model.model.layers) if number not in guided]

    def loss(self, model: nn.Module, batch: Any, step: int, critic: nn.Module | None = None) -> tuple[Tensor, Metrics]:
        """See `lm_loss`."""
        assert isinstance(model, Llama)
        return lm_loss(model, self.layout, batch, self.section(LMLoss))

    @cached_property
    def held_out(self) -> dict[str, list[LMBatch]]:
        """Held-out utterances alone, as phonemes and as text."""
        transcripts, no_phonemes = Transcripts(self.frontend), HybridCollate("")
        refs, longest = self.section(LMData).held_out(self._dataset), self.section(LMConfig).max_positions
        views = [view for ref in refs if (view := text_view(transcripts, self._dataset.load(ref)))]
        spoken = {
            "held_out": [view.as_phonemes() for view in views],
            "held_out_text": [view.hybrid(no_phonemes) for view in views],
        }
        lone = {name: [self.example(one) for one in of] for name, of in spoken.items()}
        return {name: [collate(self.layout, [x]) for x in of if len(x.ids) <= longest] for name, of in lone.items()}

    def evaluate(self, model: nn.Module, device: torch.device) -> dict[str, float]:
        """Cross-entropy and accuracy on held-out utterances."""
        assert isinstance(model, Llama)
        # nothing is replaced or guided, as in decoding, so that runs of other settings can be compared
        plain, measured = LMLoss(corruption=0, alignment_scale=0), {}
        for name, batches in self.held_out.items():
            rows = [lm_loss(model, self.layout, to_device(batch, device), plain)[1] for batch in batches]
            if rows:
                measured[f"{name}_loss"] = mean(float(row["cross_entropy"]) for row in rows)
                measured[f"{name}_accuracy"] = mean(float(row["accuracy"]) for row in rows)
        return measured

    def samples(self, model: nn.Module, device: torch.device) -> dict[str, Sound]:
        """Held-out texts, said in the voice of another held-out utterance where the model learns to continue one."""
        assert isinstance(model, Llama)
        return samples(model, self.layout, self._lines, self.listening)

    @cached_property
    def _lines(self) -> list[Line]:
        data, transcripts, who = self.section(LMData), Transcripts(self.frontend), ("speaker", "f0")
        dataset = data.open("tokens", "alignment", *who) if self._dataset.holds(*who) else self._dataset
        items = map(dataset.load, data.held_out(dataset, more=1))  # of which one may be the prompt
        views = ((item, text_view(transcripts, item)) for item in items)
        longest = self.section(LMConfig).max_positions
        read = ((item, view.as_phonemes()) for item, view in views if view is not None)
        # as in training: what is too long is left out, and what is so behind its prompt alone stands without
        short_enough = islice((one for one in read if len(self.example(one[1]).ids) <= longest), SAMPLES + 1)

        def line(spoken: TokenizedUtterance, prompt: TokenizedUtterance | None) -> LMBatch:
            made = self.example(spoken, prompt)
            return collate(self.layout, [made if len(made.ids) <= longest else self.example(spoken)])

        return lines_of([*short_enough], line, data.prompt_share > 0)

    def example_batch(self) -> LMBatch:
        """Utterances of ten seconds, all aligned."""
        data, vocabulary = self.section(LMData), self.section(LMConfig).vocab_size
        first = vocabulary - data.codes
        self.__dict__["layout"] = AudioTokens(first, data.codes, first - 3, first - 2, first - 1)  # no vocabulary here
        rows, seconds = data.example_rows()
        speech, text = int(seconds * TOKENS_PER_SECOND), int(seconds * TEXT_IDS_PER_SECOND)
        spoken = TokenizedUtterance([0] * text, [0] * speech, [0] * speech)
        return collate(self.layout, [example(self.layout, spoken, None)] * rows)

    def batch_size(self) -> dict[str, float]:
        """Speech, and the ids that the model reads."""
        rows, length = self.section(LMData).example_rows()
        seconds = self.section(LMData).batch_seconds or rows * length
        return {"seconds of speech": seconds, "tokens": seconds * (TOKENS_PER_SECOND + TEXT_IDS_PER_SECOND)}
