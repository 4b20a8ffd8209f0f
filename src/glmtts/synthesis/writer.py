"""The first stage: the language model writes the speech tokens of pieces of text."""

import logging
from collections.abc import Generator, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from functools import cache, cached_property, lru_cache, partial
from itertools import islice
from threading import Lock

import torch

from glmtts.bundle import Bundle, SynthesisDefaults
from glmtts.judging.faults import LEAK_TOKENS, Expected, Fault, faults, leaks
from glmtts.judging.prefix import PrefixScorer
from glmtts.judging.recogniser import TokenRecogniser
from glmtts.judging.resampling import Steering
from glmtts.lm.candidates import Group, decode_groups
from glmtts.lm.prompt import AudioTokens, build_prompt
from glmtts.lm.sampling import Request
from glmtts.lm.service import TokenService
from glmtts.synthesis.voice import Voice
from glmtts.text.frontend import Piece, TextFrontend, phonemes_of

logger = logging.getLogger(__name__)
RETRIES = 2
CANDIDATE_STRIDE, RETRY_STRIDE = 100, 1000
PROMPTS_KEPT = 64
LONGEST_END = 15
SURE_NATS = 16  # a few phonemes that were not said cost more


@dataclass(frozen=True)
class Drawn:
    """Tokens, what is wrong with them, and their cost to the recogniser (nats a phoneme; 0 without one)."""

    tokens: list[int]
    faults: list[Fault]
    cost: float

    @property
    def rank(self) -> tuple[int, float]:
        """Lower is better: few faults first, then a low cost."""
        return len(self.faults), self.cost


@dataclass(frozen=True)
class Segment:
    """A piece of prepared text and the hybrid text that is read, who speaks it and how.

    `prefix` are the text ids of a fine-tuned speaker. `phonemes` are those that should be heard, "|" between words and
    syllables; they are whole where `hybrid` is partly text.
    """

    piece: Piece
    hybrid: str
    voice: Voice
    settings: SynthesisDefaults
    seed: int
    prefix: list[int]
    phonemes: Sequence[str] = ()

    def accepts(self, drawn: Drawn) -> bool:
        """Whether candidate tokens may be spoken without another try: no fault, and no doubt."""
        return not drawn.faults and drawn.cost <= self.settings.doubt


class TokenWriter:
    """Writes speech tokens with the language model of one bundle."""

    def __init__(self, bundle: Bundle, frontend: TextFrontend) -> None:
        self.bundle, self.frontend = bundle, frontend
        self.layout = AudioTokens.of(frontend.tokenizer)
        self._service: TokenService | None = None
        self._opening = Lock()
        self._said = lru_cache(PROMPTS_KEPT)(self._phonemes_of_prompt)

    def stream(self, piece: Segment) -> Generator[int, None, None]:
        """Tokens as the candidates agree on them, by a thread that serves all streams together.

        Where the prompt's last syllable leaks into the first tokens, before any has left, others are drawn. What is
        said or paused for after the text is cut, as far as it has not left.
        """
        with self._opening:
            self._service = self._service or TokenService(self.bundle.module("lm"), self.layout)
        piece = replace(piece, settings=piece.settings.for_streams())
        expected = self._expected(piece)
        for attempt in range(1 + RETRIES):
            group = self._group(piece, attempt)
            with closing(self._service.stream(group, lambda ended: self._ending(ended, piece))) as drawn:
                start = list(islice(drawn, LEAK_TOKENS if expected.prompt_tokens else 0))
                if attempt < RETRIES and leaks(start, expected, self._heard(start)):
                    _warn(piece, attempt, [Fault.leak])
                    continue
                yield from start
                yield from drawn
                return

    def write(self, pieces: Sequence[Segment]) -> Iterator[tuple[int, list[list[int]]]]:
        """(number, choices) of every piece as it is done, its tokens in one or more ways; all are decoded together.

        First comes that of the piece's candidates without fault (lm/checks.py) that reads best; then, up to
        `renderings` in all, the others that may be spoken. Where all have faults, or the best costs more than `doubt`,
        all are drawn again with other seeds, a few times; at last those that say more than their text are cut where it
        ends. No piece ends with more than 0.6 s in which nothing is read. What a piece gets depends on its own seed
        alone.
        """
        waiting, best = list(range(len(pieces))), dict[int, list[Drawn]]()
        for attempt in range(1 + RETRIES):
            groups = [self._group(pieces[number], attempt) for number in waiting]
            again = []
            for place in decode_groups(self.bundle.module("lm"), self.layout, groups):
                number, piece = waiting[place], pieces[waiting[place]]
                drawn = self._ranked(groups[place], piece, piece.settings.renderings)
                best[number] = sorted(best.get(number, []) + drawn, key=lambda one: one.rank)
                if attempt == RETRIES:
                    best[number][0] = self._mended(best[number][0], groups[place], piece)
                first = best[number][0]
                if attempt < RETRIES and not piece.accepts(first):
                    _warn(piece, attempt, drawn[0].faults)
                    again.append(number)
                else:
                    if first.faults:
                        logger.warning("“%s” is spoken with a fault: %s.", piece.piece.text, "; ".join(first.faults))
                    yield number, self._choices(best[number], piece)
            waiting = again

    def _group(self, piece: Segment, attempt: int) -> Group:
        first, how = piece.seed + RETRY_STRIDE * attempt, piece.settings
        requests = self._requests(piece, [first + CANDIDATE_STRIDE * number for number in range(how.candidates)])
        cost = cache(partial(self._cost, piece))
        if how.steering is None or how.candidates == 1 or self.recogniser is None or not piece.phonemes:
            return Group(requests, None, cost)
        scorer = PrefixScorer(self.recogniser, piece.phonemes, how.candidates)
        steering = Steering(scorer, how.steering, lambda codes: self._says_all(piece, codes, cost(tuple(codes))))
        return Group(requests, steering, cost)

    def _says_all(self, piece: Segment, codes: list[int], cost: float) -> bool:
        """Whether a candidate that ended may do so: it is not doubted, and the end of its text is heard in it."""
        if cost > piece.settings.doubt:
            return False
        sure = cost * len(piece.phonemes) < SURE_NATS
        return sure or Fault.truncated not in faults(codes, True, Expected(piece.phonemes), self._heard(codes))

    def _cost(self, piece: Segment, tokens: tuple[int, ...]) -> float:
        """Nats a phoneme; 0 without a recogniser or phonemes to find."""
        if self.recogniser is None or not piece.phonemes:
            return 0.0
        return self.recogniser.cost(torch.tensor(tokens, device=self.bundle.device), list(piece.phonemes))

    def _requests(self, piece: Segment, seeds: Sequence[int]) -> list[Request]:
        """One request a seed; they share their prompt."""
        text_ids = self.frontend.encode(piece.hybrid)
        ids = [*piece.prefix, *self._prompt(text_ids, piece.voice, piece.settings.continue_prompt)]
        generators = [torch.Generator(self.bundle.device).manual_seed(seed) for seed in seeds]
        return [Request(ids, piece.settings.sampling, len(text_ids), generator) for generator in generators]

    def _prompt(self, text_ids: list[int], voice: Voice, continued: bool) -> list[int]:
        """Ids before the first speech token: with the voice's own text and tokens where its text is known."""
        if not voice.text or not continued:
            return build_prompt(self.layout, text_ids)
        prompt_text = self.frontend.ids(" ".join(piece.text for piece in self.frontend.prepare(voice.text)) + " ")
        return build_prompt(self.layout, text_ids, prompt_text, voice.tokens.tolist())

    def _expected(self, piece: Segment) -> Expected:
        """What is to be heard; with the prompt where the language model continues it."""
        voice = piece.voice
        if not voice.text or not piece.settings.continue_prompt:
            return Expected(piece.phonemes)
        return Expected(piece.phonemes, voice.tokens.tolist(), self._said(voice.text))

    def _phonemes_of_prompt(self, text: str) -> list[str]:
        """Phonemes of the text of a voice prompt."""
        return phonemes_of(" ".join(self._phonemic.to_hybrid(piece.text) for piece in self._phonemic.prepare(text)))

    @cached_property
    def _phonemic(self) -> TextFrontend:
        return self.frontend.with_mode("all")

    @property
    def recogniser(self) -> TokenRecogniser | None:
        """The bundle's judge of tokens, if it has one."""
        return self.bundle.optional("token_recogniser")

    def _heard(self, tokens: Sequence[int]) -> list[str] | None:
        """The phonemes that the recogniser reads; None without one, or where it cannot read so many tokens."""
        recogniser = self.recogniser
        if recogniser is None or not 0 < len(tokens) <= recogniser.longest:
            return None
        return recogniser.read(torch.tensor(tokens, device=self.bundle.device))

    def _without_long_end(self, tokens: list[int]) -> list[int]:
        """The tokens with at most `LONGEST_END` after the last sound that the recogniser reads."""
        quiet = self.recogniser.quiet_end(torch.tensor(tokens, device=self.bundle.device)) if self.recogniser else 0
        return tokens[: len(tokens) - max(0, quiet - LONGEST_END)]

    def _ending(self, group: Group, piece: Segment) -> list[int]:
        """The tokens of a stream whose candidates have ended."""
        (best, *_) = self._ranked(group, piece, 1)
        return self._without_long_end(self._mended(best, group, piece).tokens)

    def _mended(self, best: Drawn, group: Group, piece: Segment) -> Drawn:
        """`best`, or where it has faults or is doubted, a better candidate that is cut where its text ends."""
        if self.recogniser is None or not piece.phonemes or piece.accepts(best):
            return best
        expected, labels = self._expected(piece), list(piece.phonemes)
        for request in group.finished():
            whole = torch.tensor(request.drawn, device=self.bundle.device)
            tokens = request.drawn[: self.recogniser.end_of(whole, labels)]
            if tokens and len(tokens) < len(request.drawn):
                cut = Drawn(tokens, faults(tokens, True, expected, self._heard(tokens)), group.cost(tuple(tokens)))
                best = min(best, cut, key=lambda one: one.rank)
        return best

    def _choices(self, ranked: Sequence[Drawn], piece: Segment) -> list[list[int]]:
        """The tokens of the first, then of others that may be spoken as well."""
        others = [one for one in ranked[1:] if piece.accepts(one)]
        different = {tuple(self._without_long_end(one.tokens)): None for one in (ranked[0], *others)}
        return [list(tokens) for tokens in different][: piece.settings.renderings]

    def _ranked(self, group: Group, piece: Segment, count: int) -> list[Drawn]:
        """Candidates by how well they read, until `count` different ones are without fault; those come first.

        The recogniser finds the wanted phonemes in the first with the least doubt. Without one, or phonemes to find,
        they stay in order.
        """
        expected, ranked, sound = self._expected(piece), list[Drawn](), 0
        drawn = {tuple(request.drawn): request for request in group.finished()}
        for codes in sorted(drawn, key=group.cost):
            tokens, by_itself = drawn[codes].drawn, drawn[codes].by_itself
            found = faults(tokens, by_itself, expected, self._heard(tokens) if piece.phonemes else None)
            ranked.append(Drawn(tokens, found, group.cost(codes)))
            sound += not found
            if sound == count:
                break
        return sorted(ranked, key=lambda one: one.rank)


def _warn(piece: Segment, attempt: int, found: Sequence[Fault]) -> None:
    why = "; ".join(found) or "the recogniser doubts it"
    logger.warning("“%s” is drawn again (attempt %d): %s.", piece.piece.text, attempt + 1, why)
