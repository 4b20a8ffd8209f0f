"""DNSMOS: predicted opinions of speech, background and the whole (P.835), and of P.808; see `glmtts.audio.dnsmos`."""

from collections.abc import Sequence
from pathlib import Path

from glmtts.audio.dnsmos import SAMPLE_RATE, DnsMos
from glmtts.errors import AudioError, EvaluationError
from glmtts.eval.scorers.clip import Clip, Score


class DnsMosScorer:
    """Options: `folder` with the ONNX files, by default those of the package speechmos; `threads`."""

    name = "pseudo_mos"
    columns = ("dnsmos_overall", "dnsmos_sig", "dnsmos_bak", "dnsmos_p808")
    higher_is_better = dict.fromkeys(columns, True)
    stand_in_for = None

    def __init__(self, folder: str | Path | None = None, threads: int = 1) -> None:
        try:
            self.model = DnsMos(None if folder is None else Path(folder), threads)
        except AudioError as error:
            raise EvaluationError(str(error)) from None

    def score(self, clips: Sequence[Clip]) -> list[Score]:
        """Opinions, 1 to 5; None for a clip without samples."""
        return [self._one(clip) for clip in clips]

    def _one(self, clip: Clip) -> Score:
        if not len(clip.wave):
            return dict.fromkeys(self.columns)
        found = self.model(clip.at(SAMPLE_RATE).clip(-1, 1))
        return dict(zip(self.columns, (found.ovr, found.sig, found.bak, found.p808), strict=True))
