"""Bring the open CAM++ weights into ours and embed every speaker.

    python recipes/mini/speaker.py --weights campplus_cn_en_common.pt --work WORK

Writes `WORK/speaker.safetensors`, and the feature `speaker` (192 numbers) of every dataset in `WORK/data`.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from models import datasets_of, digest_of_weights
from safetensors import safe_open
from safetensors.torch import save_file

from glmtts.audio.io import load_audio
from glmtts.data import Dataset, FeatureSpec, SourceConfig, add_feature
from glmtts.programs import a_file, a_folder, parser_of, run_program, write_whole
from glmtts.speaker.campplus import CampPlus, CampPlusConfig

SPEAKER = "speaker.safetensors"
SECONDS = 5
RECORDINGS = 3


def load_open_weights(path: Path, config: CampPlusConfig) -> CampPlus:
    """Our CAM++ with the weights of a PyTorch state dict (tensors only)."""
    model = CampPlus(config)
    state = torch.load(path, map_location="cpu", weights_only=True)
    counters = {name: value for name, value in model.state_dict().items() if "num_batches" in name}
    model.load_state_dict({**counters, **state})
    return model.eval()


def load_speaker(path: Path) -> CampPlus:
    """What `main` saved."""
    with safe_open(path, framework="pt") as file:
        model = CampPlus(CampPlusConfig.model_validate_json(file.metadata()["config"]))
        model.load_state_dict({name: file.get_tensor(name) for name in file.keys()}, strict=False)  # noqa: SIM118
    return model.eval()


class SpeakerEmbeddings:
    """One embedding (E,) a speaker of a dataset, of length 1: the mean over his first few recordings."""

    def __init__(self, model: CampPlus, dataset: Dataset) -> None:
        self.model = model
        self.paths: dict[str, list[str]] = {}
        self.embeddings: dict[str, np.ndarray] = {}
        for utterance in dataset.utterances():
            paths = self.paths.setdefault(utterance.speaker, [])
            if len(paths) < RECORDINGS:
                paths.append(utterance.extra["path"])

    def of(self, speaker: str) -> np.ndarray:
        """The embedding of a speaker."""
        if speaker not in self.embeddings:
            waves = [load_audio(path, 16000)[: SECONDS * 16000] for path in self.paths[speaker]]
            mean = torch.stack([self.model.embed(wave) for wave in waves]).mean(0)
            self.embeddings[speaker] = torch.nn.functional.normalize(mean, dim=0).numpy()
        return self.embeddings[speaker]


def main(arguments: Sequence[str] | None = None, config: CampPlusConfig | None = None) -> None:
    parser = parser_of(__doc__)
    parser.add_argument("--weights", type=a_file, required=True)
    parser.add_argument("--work", type=a_folder, required=True, help="holds data/")
    chosen = parser.parse_args(arguments)
    model = load_open_weights(chosen.weights, config or CampPlusConfig())
    weights = {name: value for name, value in model.state_dict().items() if "num_batches" not in name}
    about = {"config": model.config.model_dump_json()}
    write_whole(chosen.work / SPEAKER, lambda path: save_file(weights, path, metadata=about))
    spec = FeatureSpec(rate=None, made_by=f"campplus {digest_of_weights(model)}")
    for folder in datasets_of(chosen.work):
        speakers = SpeakerEmbeddings(model, Dataset.open([SourceConfig(path=folder)]))
        add_feature(folder, "speaker", spec, lambda item, of=speakers.of: of(item.utterance.speaker))


if __name__ == "__main__":
    run_program(main)
