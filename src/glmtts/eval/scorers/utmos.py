"""UTMOS: the strong learner of UTokyo-SaruLab's system for the VoiceMOS Challenge 2022 (Saeki et al., 2022)."""

from collections.abc import Sequence
from pathlib import Path

import torch

from glmtts.backends import reason_of
from glmtts.errors import EvaluationError
from glmtts.eval.scorers.clip import Clip, Score
from glmtts.places import is_folder

REPOSITORY, MODEL = "tarepan/SpeechMOS:v1.2.0", "utmos22_strong"
SAMPLE_RATE = 16000


class Utmos:
    """Options: `repository`, a clone of SpeechMOS on this machine, by default fetched by torch.hub; `device`."""

    name = "pseudo_mos"
    columns = ("utmos",)
    higher_is_better = {"utmos": True}
    stand_in_for = None

    def __init__(self, repository: str = REPOSITORY, device: str = "cpu") -> None:
        source = "local" if is_folder(Path(repository), EvaluationError) else "github"
        try:
            self.network = torch.hub.load(repository, MODEL, source=source, trust_repo=True).to(device).eval()
        except Exception as error:  # urllib's, torch.hub's, and whatever the repository's code raises
            reason = reason_of(error)
            raise EvaluationError(
                f"UTMOS cannot be loaded from '{repository}': {reason}. It needs the network once, or a clone of "
                "https://github.com/tarepan/SpeechMOS as the option 'repository' with its weights in torch.hub's cache."
            ) from None
        self.device = device

    @torch.inference_mode()
    def score(self, clips: Sequence[Clip]) -> list[Score]:
        """An opinion, 1 to 5; None for a clip shorter than 0.1 s."""
        return [{"utmos": self._one(clip) if clip.seconds >= 0.1 else None} for clip in clips]

    def _one(self, clip: Clip) -> float:
        wave = torch.from_numpy(clip.at(SAMPLE_RATE))[None].to(self.device)
        return float(self.network(wave, SAMPLE_RATE)[0])
