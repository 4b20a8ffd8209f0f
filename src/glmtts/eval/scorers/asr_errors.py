"""What the scorers by a recogniser share: word and character errors of what it hears, with VERSA's columns."""

from collections.abc import Mapping, Sequence

import torch

from glmtts import asr
from glmtts.errors import AsrError, EvaluationError
from glmtts.eval.error_rates import Errors, errors_of, normalised
from glmtts.eval.scorers.clip import Clip, Score
from glmtts.text.script import simplified

PARTS = ("delete", "insert", "replace", "equal")


class AsrScorer:
    """Columns `PREFIX_wer` and `PREFIX_cer`, errors over words wanted, and the counts as VERSA names them.

    Mandarin is compared by simplified characters in both. A clip with a hypothesis is not transcribed again: give only
    those that the same recogniser wrote.
    """

    stand_in_for: str | None = None

    def __init__(self, prefix: str, recogniser: str, device: str, local_only: bool) -> None:
        self.name = f"{prefix}_wer"
        kinds = (f"{prefix}_wer", f"{prefix}_cer")
        self.columns = tuple(column for kind in kinds for column in (kind, *(f"{kind}_{part}" for part in PARTS)))
        self.higher_is_better: Mapping[str, bool] = dict.fromkeys(kinds, False)
        self._kinds, self._heard_by = kinds, (recogniser, device)
        try:
            # a worker among several has one thread
            self.recogniser = asr.load(recogniser, device, local_only=local_only, threads=torch.get_num_threads())
        except AsrError as error:
            raise EvaluationError(str(error)) from None

    def hears_by(self, recogniser: str, device: str) -> bool:
        """Whether it has the recogniser of this name on this device, whose transcripts are then its own."""
        return (recogniser, device) == self._heard_by

    def hypotheses(self, clips: Sequence[Clip]) -> list[str]:
        """What is heard in each clip; the clip's own hypothesis where it has one."""
        texts = [clip.hypothesis for clip in clips]
        for language in sorted({clip.language for clip in clips}):
            unheard = [i for i, clip in enumerate(clips) if texts[i] is None and clip.language == language]
            waves = [clips[i].at(asr.SAMPLE_RATE) for i in unheard]
            for i, heard in zip(unheard, self.recogniser.transcribe(waves, language), strict=True):
                texts[i] = heard.text
        return [text or "" for text in texts]

    def score(self, clips: Sequence[Clip]) -> list[Score]:
        """Error rates and counts; no rates of a text without a word."""
        pairs = zip(clips, self.hypotheses(clips), strict=True)
        return [self._columns(text, clip.text, clip.language) for clip, text in pairs]

    def _columns(self, heard: str, wanted: str, language: str) -> Score:
        write = simplified if language == "zh" else str
        words = [normalised(write(text), language) for text in (heard, wanted)]
        # every character a word of its own, blanks none: word errors of this are character errors
        characters = [" ".join("".join(text.split())) for text in words]
        score: Score = {}
        for kind, (hypothesis, reference) in zip(self._kinds, (words, characters), strict=True):
            found = errors_of(hypothesis, reference)
            # of nothing wanted it would be the number of words that are heard
            score[kind] = found.rate if found.words else None
            score |= {f"{kind}_{part}": float(count) for part, count in zip(PARTS, _counts(found), strict=True)}
        return score


def _counts(found: Errors) -> tuple[int, int, int, int]:
    equal = found.words - found.substitutions - found.deletions
    return found.deletions, found.insertions, found.substitutions, equal
