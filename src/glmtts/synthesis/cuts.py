"""A segment in parts that are decoded one after another: its halves, or its runs of one language, and how they join."""

import re
from collections.abc import Sequence
from dataclasses import replace

from glmtts.judging.judge import Judge
from glmtts.synthesis.segment import Segment, is_english
from glmtts.text.frontend import phonemes_of
from glmtts.text.labels import BOUNDARY

HYBRID_TOKEN = re.compile(r"<\|.+?\|>|[^<]")
FEWEST_BORDERS = 8  # between words or syllables: less is not halved, a language model speaks two words badly
PART_SEED = 1 << 20  # apart from those of candidates, retries and the pieces that follow
HALVES_SECONDS = 0.12  # of silence between two halves of a sentence: a joint must not be heard as its end
RUNS_SECONDS = 0.04  # before and after a change of language, a breath of two tokens in all
MARK_SECONDS = 0.2  # before a change of language where the text has a mark, as within a sentence
_COMMAS = {True: ",", False: "，"}
# behind the last word: a hyphen or a slash there ("A-股") joins two words, and a dash between blanks parts them
_MARK = re.compile(r"(?:[，。？！；：、,.?!;:…—–]|\s-+)[\"'”’」』）)\]]*\s*$")
_ENGLISH_MARKS = str.maketrans("，。？！；：、", ",.?!;:,")


def halves(segment: Segment) -> list[Segment]:
    """The segment in two, cut between words near its middle; none where it is short or partly without phonemes.

    The hybrid text is cut, not the written one, so that each word keeps the reading that the sentence gave it.
    """
    if list(segment.phonemes).count(BOUNDARY) < FEWEST_BORDERS:
        return []
    ends = [match.end() for match in HYBRID_TOKEN.finditer(segment.hybrid)]
    for end in sorted(ends, key=lambda end: abs(end - len(segment.hybrid) / 2)):
        parts = _parts(segment, [end])
        if parts:
            return [replace(part, seed=part.seed + PART_SEED) for part in parts]
    return []


def language_runs(segment: Segment) -> list[Segment]:
    """The segment in runs of one language; itself alone where it has one, or is partly without phonemes.

    A run that stops in the middle of a clause is closed by a comma: without a mark a language model goes on beyond the
    text, which costs twice the time and a quarter of a nat a phoneme. Of forty Mandarin sentences with English words
    the judge doubts the runs by 1.16 nats a phoneme, and the whole by 1.74, which take three times as long to decode.
    """
    changes, before = list[int](), None
    for match in HYBRID_TOKEN.finditer(segment.hybrid):
        if symbols := phonemes_of(match[0]):
            if before not in (None, is_english(symbols)):
                changes.append(match.start())
            before = is_english(symbols)
    parts = _parts(segment, changes) if changes else []
    return [_closed(part, last=part is parts[-1]) for part in parts] or [segment]


class Joints:
    """How parts of a sentence join: with as much silence as there would be within it."""

    def __init__(self, judge: Judge, token_rate: float) -> None:
        self._judge, self._rate = judge, token_rate

    def halves(self, first: list[int], second: list[int]) -> list[int]:
        """Tokens of two halves as one utterance."""
        return [*self._judge.without_trailing_silence(first, round(HALVES_SECONDS * self._rate)), *second]

    def runs(self, runs: Sequence[Segment], tokens: Sequence[list[int]]) -> list[int]:
        """Tokens of runs of one language as one utterance."""
        whole = list[int]()
        for number, (run, own) in enumerate(zip(runs, tokens, strict=True)):
            if number + 1 < len(runs):
                own = self._judge.without_trailing_silence(own, self.after(run))
            whole += self.begun(own) if number else own
        return whole

    def after(self, run: Segment) -> int:
        """Tokens of silence after a run that another follows."""
        return round((RUNS_SECONDS if run.piece.cut else MARK_SECONDS) * self._rate)

    def begun(self, tokens: list[int]) -> list[int]:
        """Tokens of a run that follows another, with little silence before them."""
        return self._judge.without_leading_silence(tokens, round(RUNS_SECONDS * self._rate))


def _parts(segment: Segment, places: Sequence[int]) -> list[Segment]:
    """The segment cut at these places of its hybrid text, with a seed each; none where that would change phonemes."""
    starts = [0, *places]
    texts = [segment.hybrid[start:end] for start, end in zip(starts, [*places, None], strict=True)]
    phonemes = [phonemes_of(text) for text in texts]
    # a cut within a word adds a boundary; beside text that stays text, phonemes are missing
    together = [label for part in phonemes for label in (*part, BOUNDARY)][:-1]
    if together != list(segment.phonemes) or not all(phonemes):
        return []
    piece = replace(segment.piece, cut=True)
    return [
        replace(segment, piece=piece, hybrid=text, phonemes=spoken, seed=segment.seed + PART_SEED * number)
        for number, (text, spoken) in enumerate(zip(texts, phonemes, strict=True))
    ]


def _closed(run: Segment, last: bool) -> Segment:
    english, hybrid = is_english(run.phonemes), run.hybrid
    marked = _MARK.search(hybrid) is not None
    if english:
        hybrid = hybrid.translate(_ENGLISH_MARKS)
    if not marked and not last:
        hybrid = hybrid[: hybrid.rindex("|>") + 2] + _COMMAS[english]  # in the place of what joins the words
    return replace(run, hybrid=hybrid, piece=replace(run.piece, cut=not marked))
