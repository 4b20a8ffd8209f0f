"""The speech tokenizer (Tables 1 and 2 of the report): what its ASR head reads, what a copy keeps, how codes are used.

Table 1 is the ASR head's error on recordings, here in phonemes and in words (a toned Mandarin syllable is a word),
since the head of `mini` is a CTC over phonemes. Table 2 is the copy `tokens` beside `recordings`: error rates and
similarity to the recording.
"""

import math
from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch

from glmtts.bundle import embedded
from glmtts.errors import AudioError
from glmtts.eval.columns import ErrorColumn
from glmtts.eval.error_rates import Errors, errors_of
from glmtts.eval.fingerprint import fingerprint
from glmtts.eval.items import Item
from glmtts.eval.protocols.base import Protocol, Settings
from glmtts.eval.runner import Row
from glmtts.eval.stages import Stage
from glmtts.eval.systems.bundle import synthesizer
from glmtts.eval.units import PUBLISHED, SPOKEN
from glmtts.eval.utterance import Utterance
from glmtts.eval.work import Done, Work
from glmtts.judging.judge import Judge
from glmtts.text.frontend import phonemes_of
from glmtts.text.labels import BOUNDARY, without_boundaries


@dataclass(frozen=True)
class TokenHead:
    """Tokenize each recording and read the tokens with the bundle's recogniser."""

    bundle: Path | None = None
    name: str = "token-head"

    def about(self) -> dict[str, Any]:
        """The bundle, and the hash of its files."""
        name, folder = (self.bundle.name, self.bundle) if self.bundle else ("mini", embedded())
        return {"tokenizer_of": name, "sha256": fingerprint(folder)}

    def load(self, languages: Collection[str]) -> None:
        """Open the bundle.

        Raises:
            BundleError: the folder is none.
        """
        synthesizer(self.bundle, "cpu")

    def work(self, utterances: Sequence[Utterance]) -> Work:
        """Read the recordings of lines."""
        rate = synthesizer(self.bundle, "cpu").bundle.speech_tokenizer.sample_rate
        asked = [
            (one.item.id, one.item.text, one.item.language, one.samples(rate))
            for one in utterances
            if one.audio is not None
        ]
        return partial(_read, self.bundle, asked)

    def take(self, utterance: Utterance, record: dict[str, Any]) -> None:
        """Tokens, what is heard in them, and what is wanted."""
        utterance.details |= {key: value for key, value in record.items() if key != "id"}


@torch.inference_mode()
def _read(bundle: Path | None, asked: Sequence[tuple[str, str, str, np.ndarray]]) -> Done:
    tts, records = synthesizer(bundle, "cpu"), []
    front = tts.frontend.with_mode("all")
    for name, text, language, wave in asked:
        try:
            tokens = tts.bundle.speech_tokenizer.tokenize(torch.from_numpy(wave)).tolist()
        except AudioError:
            # too short for a token: the head hears nothing in it, and the line counts
            tokens = []
        pieces = front.prepare(text, language if language in ("zh", "en") else None)
        wanted = phonemes_of(" ".join(front.to_hybrid(piece.text) for piece in pieces))
        records.append({"id": name, "tokens": tokens, "labels": _labels(tts.judge, tokens), "wanted": wanted})
    return Done(records)


def _labels(judge: Judge, tokens: Sequence[int]) -> list[str] | None:
    """What the head reads; None where there is none, or more tokens than it takes."""
    if not tokens and judge.recogniser is not None:
        return []  # a recording too short for a token: nothing is heard in it
    reading = judge.reading(tokens)
    return None if reading is None else list(reading.labels)


def _phonemes(one: Utterance) -> Errors:
    heard = without_boundaries(one.details.get("labels") or [])
    return errors_of(" ".join(heard), " ".join(without_boundaries(one.details["wanted"])))


def _words(one: Utterance) -> Errors:
    heard, wanted = one.details.get("labels") or [], one.details["wanted"]
    # jiwer parts at blanks: the phonemes of a word are joined, so that it is one unit
    return errors_of(*(" ".join("+".join(word.split()) for word in _split(part)) for part in (heard, wanted)))


def _split(labels: Sequence[str]) -> list[str]:
    return [word for word in " ".join(labels).split(BOUNDARY) if word.strip()]


def _use(rows: Sequence[Row]) -> dict[str, Any]:
    lines = []
    for row in rows:
        tokens = [token for one in row.utterances for token in one.details.get("tokens", ())]
        if tokens:
            shares = [count / len(tokens) for count in Counter(tokens).values()]
            # e to the entropy: as many codes, used equally often, would tell as much
            perplexity = math.exp(-sum(share * math.log(share) for share in shares))
            lines.append([row.lines.name, row.system.label, len(tokens), len(shares), round(perplexity, 1)])
    heads = ["list", "system", "tokens", "codes in use", "perplexity"]
    return {"Codes": {"heads": heads, "rows": lines}} if lines else {}


def _any(item: Item) -> bool:
    return True


def _read_by_head(one: Utterance) -> str | None:
    labels = one.details.get("labels")
    return None if labels is None else " ".join(labels)


def _stages(settings: Settings) -> list[Stage]:
    return [TokenHead(settings.bundle)]


PROTOCOL = Protocol(
    name="speech-tokenizer",
    title="Speech tokenizer",
    source="Tables 1 and 2 of the report: `recordings` are the recordings, `tokens` their copies through tokens, flow "
    "and vocoder. The ASR head's errors are of the row's own audio.",
    columns=(
        ErrorColumn("head_phonemes", "ASR head, phonemes", _phonemes, _any, heard=_read_by_head),
        ErrorColumn("head_words", "ASR head, words", _words, _any, heard=_read_by_head),
        *PUBLISHED,
        *SPOKEN,
    ),
    recognisers={"en": "whisper-base", "zh": "whisper-base"},
    scorers=("speaker_resemblyzer",),
    systems=("recordings", "tokens"),
    measures_bundle=True,
    stages=_stages,
    extra=_use,
)
