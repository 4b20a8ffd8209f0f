"""The lists that ship, and any folder with an index: for work on a model, offline."""

from glmtts.eval.items import EvalList
from glmtts.eval.lists import SHIPPED, shipped_list
from glmtts.eval.protocols.base import Protocol, Settings
from glmtts.eval.units import MIXED, PUBLISHED, SPOKEN


def _made(settings: Settings) -> list[EvalList]:
    return [shipped_list(name) for name in SHIPPED]


PROTOCOL = Protocol(
    name="mini",
    title="Short lists for daily work",
    source="Error rates as Seed-TTS-eval counts them, and with numbers spoken and Mandarin by toned syllables.",
    columns=(*PUBLISHED, *SPOKEN, MIXED),
    recognisers={"en": "whisper-base", "zh": "whisper-base"},
    scorers=("dnsmos",),
    made=_made,
    notes=(
        "Whisper-base writes numbers as digits and Mandarin names at a guess: compare systems, and read the columns "
        "with numbers spoken and by toned syllables.",
    ),
)
