"""Micro-batches of the language model, as the loader's processes make them."""

from collections.abc import Sequence
from dataclasses import dataclass

from glmtts.data import Dataset, UtteranceRef
from glmtts.data.readings import Transcripts
from glmtts.data.section import codes_of, draws
from glmtts.lm.sequences import Example, LMBatch, TokenizedUtterance, collate, example, text_view
from glmtts.text.audio_tokens import AudioTokens
from glmtts.text.hybrid_training import HybridCollate
from glmtts.text.vocabulary import safe_characters


@dataclass(frozen=True)
class LMBatches:
    """Makes micro-batch n of utterances that have a reading, each with the prompt that was drawn for it.

    With probability `all_phonemes` a text is all phonemes, else hybrid; `prefix` are ids before every text. An example
    of more than `longest` ids, for which a model has no positions, goes without its prompt; where it is still too long,
    it is left out.
    """

    dataset: Dataset
    transcripts: Transcripts
    layout: AudioTokens
    seed: int
    all_phonemes: float
    prefix: tuple[int, ...] = ()
    longest: int | None = None

    def __call__(self, number: int, refs: Sequence[UtteranceRef]) -> LMBatch | None:
        """The batch; None where no utterance can be read."""
        # of the number, not of the process: a resumed run, or one of more workers, draws the same
        rng = draws(self.seed, number)
        hybrid = HybridCollate(safe_characters(), seed=int(rng.integers(2**31)))

        def read(ref: UtteranceRef | None) -> TokenizedUtterance | None:
            if ref is None:
                return None
            item = self.dataset.load(ref)
            codes_of(item, self.layout.count)  # refuses damaged tokens while their utterance is known
            view = text_view(self.transcripts, item)
            return view.draw(rng, self.all_phonemes, hybrid) if view is not None else None

        read_all = [(read(ref), read(ref.prompt)) for ref in refs]
        examples = [made for spoken, prompt in read_all if spoken and (made := self._example(spoken, prompt))]
        return collate(self.layout, examples) if examples else None

    def _example(self, spoken: TokenizedUtterance, prompt: TokenizedUtterance | None) -> Example | None:
        made = example(self.layout, spoken, prompt, self.prefix)
        if self.longest is None or len(made.ids) <= self.longest:
            return made
        return self._example(spoken, None) if prompt is not None else None
