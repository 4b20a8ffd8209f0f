"""The first stage: the language model writes the speech tokens of pieces of text."""

import logging
from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass

import torch

from glmtts.bundle import Bundle, SynthesisDefaults
from glmtts.lm.batch import Request
from glmtts.lm.candidates import Group, decode_groups
from glmtts.lm.prompt import AudioTokens, build_prompt
from glmtts.lm.service import TokenService
from glmtts.lm.steering import Steering
from glmtts.speech_tokenizer.prefix import PrefixScorer
from glmtts.speech_tokenizer.recogniser import TokenRecogniser
from glmtts.synthesis.voice import Voice
from glmtts.text.frontend import TextFrontend, phonemes_of

logger = logging.getLogger(__name__)
RETRIES = 2
CANDIDATE_STRIDE, RETRY_STRIDE = 100, 1000


@dataclass(frozen=True)
class Piece:
    """A piece of prepared text and the hybrid text that is read, who speaks it and how.

    `prefix` are the text ids of a fine-tuned speaker.
    """

    text: str
    hybrid: str
    voice: Voice
    settings: SynthesisDefaults
    seed: int
    prefix: list[int]


class TokenWriter:
    """Writes speech tokens with the language model of one bundle."""

    def __init__(self, bundle: Bundle, frontend: TextFrontend) -> None:
        self.bundle, self.frontend = bundle, frontend
        self.layout = AudioTokens.of(frontend.tokenizer)
        self._service: TokenService | None = None

    def stream(self, piece: Piece) -> Generator[int, None, None]:
        """Tokens as the candidates agree on them, by a thread that serves all streams together.

        They are those of `write` where it draws nothing again.
        """
        if self._service is None:
            self._service = TokenService(self.bundle.module("lm"), self.layout)
        return self._service.stream(self._group(piece, 0), lambda group: self._best(group, piece.hybrid)[1])

    def write(self, pieces: Sequence[Piece]) -> Iterator[tuple[int, list[int]]]:
        """(number, tokens) of every piece as it is done; all are decoded together.

        Of a piece's candidates the one is taken that reads best. Where none ended by itself, or the best reads
        badly (looped, cut short, or with something else in it), all are drawn again with other seeds, a few times.
        """
        waiting, best = list(range(len(pieces))), dict[int, tuple[float, list[int]]]()
        for attempt in range(1 + RETRIES):
            groups = [self._group(pieces[number], attempt) for number in waiting]
            again = []
            for place in decode_groups(self.bundle.module("lm"), self.layout, groups):
                number, piece = waiting[place], pieces[waiting[place]]
                read = self._best(groups[place], piece.hybrid)
                best[number] = min(best.get(number, read), read)
                if attempt < RETRIES and best[number][0] > piece.settings.doubt:
                    logger.warning("“%s” came out badly and is drawn again (attempt %d).", piece.text, attempt + 1)
                    again.append(number)
                else:
                    yield number, best[number][1]
            waiting = again

    def _group(self, piece: Piece, attempt: int) -> Group:
        first, how = piece.seed + RETRY_STRIDE * attempt, piece.settings
        requests = self._requests(piece, [first + CANDIDATE_STRIDE * number for number in range(how.candidates)])
        labels = phonemes_of(piece.hybrid)
        if how.steering is None or how.candidates == 1 or self._recogniser is None or not labels:
            return Group(requests)
        scorer = PrefixScorer(self._recogniser, labels, how.candidates)

        def reads_well(tokens: list[int]) -> bool:
            return self._cost(tokens, labels) <= how.doubt

        return Group(requests, Steering(requests, scorer, how.steering, reads_well))

    @property
    def _recogniser(self) -> TokenRecogniser | None:
        known = "token_recogniser" in self.bundle.config.modules
        return self.bundle.module("token_recogniser") if known else None

    def _cost(self, tokens: list[int], labels: list[str]) -> float:
        assert self._recogniser is not None
        return self._recogniser.cost(torch.tensor(tokens, device=self.bundle.device), labels)

    def _requests(self, piece: Piece, seeds: Sequence[int]) -> list[Request]:
        """One request a seed; they share their prompt."""
        text_ids = self.frontend.encode(piece.hybrid)
        ids = [*piece.prefix, *self._prompt(text_ids, piece.voice, piece.settings.continue_prompt)]
        generators = [torch.Generator(self.bundle.device).manual_seed(seed) for seed in seeds]
        return [Request(ids, piece.settings.sampling, len(text_ids), generator) for generator in generators]

    def _prompt(self, text_ids: list[int], voice: Voice, continued: bool) -> list[int]:
        """Ids before the first speech token: with the voice's own text and tokens where its text is known."""
        if not voice.text or not continued:
            return build_prompt(self.layout, text_ids)
        prompt_text = self.frontend.ids(" ".join(self.frontend.prepare(voice.text)) + " ")
        return build_prompt(self.layout, text_ids, prompt_text, voice.tokens.tolist())

    def _best(self, group: Group, hybrid: str) -> tuple[float, list[int]]:
        """Cost and tokens of the candidate in which the recogniser finds the wanted phonemes with the least doubt.

        Without a recogniser, or phonemes to find, the first that ended by itself costs nothing; where none ended the
        cost is infinite.
        """
        drawn, labels = group.drawn(), phonemes_of(hybrid)
        ended = any(request.by_itself for request in group.requests)
        if self._recogniser is None or not labels:
            return (0.0 if ended else float("inf")), drawn[0]
        costs = [self._cost(tokens, labels) for tokens in drawn]
        place = costs.index(min(costs))
        return (costs[place] if ended else float("inf")), drawn[place]
