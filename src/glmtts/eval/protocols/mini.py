"""The lists that ship, and any folder with an index: for work on a model, offline."""

from pathlib import Path

from glmtts.audio.io import audio_seconds, read_audio
from glmtts.errors import AudioError
from glmtts.eval.columns import ValueColumn
from glmtts.eval.items import EvalList
from glmtts.eval.lists import SHIPPED, shipped_list
from glmtts.eval.protocols.base import Protocol, Settings
from glmtts.eval.units import MIXED, PUBLISHED, SPOKEN
from glmtts.eval.utterance import Utterance

SHORTEST, LONGEST = 0.6, 1.7  # of the reference's length: beyond, words are missing or something was added


def _length(one: Utterance) -> float | None:
    """Length of an output beside that of the reference, whose speaker may be slower or faster."""
    if one.item.reference_audio is None or one.seconds is None:
        return None
    whole = _seconds(one.item.reference_audio)
    return one.seconds / whole if whole else None


def _seconds(path: Path) -> float | None:
    """How long a recording is; one in a format of phones (m4a) is decoded, one that cannot be read has no length."""
    try:
        return audio_seconds(path)
    except AudioError:
        pass
    try:
        samples, rate = read_audio(path)
    except AudioError:
        return None
    return len(samples) / rate


def _outside(one: Utterance) -> float | None:
    length = _length(one)
    return None if length is None else float(not SHORTEST <= length <= LONGEST)


def _made(settings: Settings) -> list[EvalList]:
    return [shipped_list(name) for name in SHIPPED]


PROTOCOL = Protocol(
    name="mini",
    title="Short lists for daily work",
    source="Error rates as Seed-TTS-eval counts them, and with numbers spoken and Mandarin by toned syllables.",
    columns=(
        *PUBLISHED,
        *SPOKEN,
        MIXED,
        ValueColumn("length", "length to the reference", _length),
        ValueColumn("outside", f"outside {SHORTEST} to {LONGEST} of it", _outside, "lower"),
    ),
    recognisers={"en": "whisper-base", "zh": "whisper-base"},
    scorers=("dnsmos",),
    made=_made,
    notes=(
        "Whisper-base writes numbers as digits and Mandarin names at a guess: compare systems, and read the columns "
        "with numbers spoken and by toned syllables.",
    ),
)
