"""How the transcripts of utterances are read: the spans and phonemes that training tasks learn from."""

from functools import lru_cache

from glmtts.data.shard import Utterance
from glmtts.text.frontend import TextFrontend, phonemes_of
from glmtts.text.hybrid import Span

CACHED_TEXTS = 20_000  # of a process, about 60 MB: reading a Mandarin sentence takes 2 ms, an English one 0.6


class Transcripts:
    """Reads transcripts with a text front end, and remembers those that it read last."""

    def __init__(self, frontend: TextFrontend) -> None:
        self.frontend = frontend
        self._spans = lru_cache(CACHED_TEXTS)(self._read)

    def __getstate__(self) -> dict:
        # the cache cannot be pickled, and a loader's process fills one of its own
        return {"frontend": self.frontend}

    def __setstate__(self, state: dict) -> None:
        self.__init__(**state)  # type: ignore[misc]

    def spans(self, utterance: Utterance) -> tuple[Span, ...]:
        """The spans of a transcript; none where digits leave open how it is read."""
        return self._spans(utterance.text, utterance.language)

    def labels(self, utterance: Utterance) -> list[str]:
        """The labels of the recogniser (text/labels.py); none where the reading is open."""
        return phonemes_of("".join(span.hybrid for span in self.spans(utterance)))

    def _read(self, text: str, language: str) -> tuple[Span, ...]:
        if any(character.isdigit() for character in text):
            return ()
        pieces = self.frontend.prepare(text, language)
        return tuple(self.frontend.spans(" ".join(piece.text for piece in pieces)))
