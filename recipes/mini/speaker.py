"""Bring the open CAM++ weights into ours and embed every speaker.

python recipes/mini/speaker.py --weights campplus_cn_en_common.pt --work WORK
"""

import argparse
from pathlib import Path

import numpy as np
import torch
from corpora import ALL
from safetensors.torch import save_file
from stage import open_stores
from tqdm import tqdm

from glmtts.audio.io import load_audio
from glmtts.features import FeatureStore, write_feature
from glmtts.speaker.campplus import CampPlus, CampPlusConfig

SECONDS = 5
RECORDINGS = 3


def load_open_weights(path: Path) -> CampPlus:
    """Our CAM++ with the weights of a PyTorch state dict (tensors only)."""
    model = CampPlus(CampPlusConfig())
    state = torch.load(path, map_location="cpu", weights_only=True)
    counters = {name: value for name, value in model.state_dict().items() if "num_batches" in name}
    model.load_state_dict({**counters, **state})
    return model.eval()


def embed_speakers(model: CampPlus, store: FeatureStore) -> dict[str, np.ndarray]:
    """One embedding a speaker: the mean over a few of his recordings, of length 1."""
    paths: dict[str, list[Path]] = {}
    for entry in store.entries:
        paths.setdefault(entry["speaker"], []).append(Path(entry["path"]))
    embeddings = {}
    for speaker, recordings in tqdm(paths.items(), desc=f"speakers of {store.folder.name}", mininterval=10):
        waves = [load_audio(path, 16000)[: SECONDS * 16000] for path in recordings[:RECORDINGS]]
        mean = torch.stack([model.embed(wave) for wave in waves]).mean(0)
        embeddings[speaker] = torch.nn.functional.normalize(mean, dim=0).numpy()
    return embeddings


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--weights", type=Path, required=True)
    parser.add_argument("--work", type=Path, required=True, help="holds features/; results go beside it")
    arguments = parser.parse_args()
    model = load_open_weights(arguments.weights)
    folder = arguments.work / "speaker"
    folder.mkdir(exist_ok=True)
    save_file({k: v for k, v in model.state_dict().items() if "num_batches" not in k}, folder / "model.safetensors")
    for store in open_stores(arguments.work / "features", ALL):
        if "speaker" in store.names:
            continue
        embeddings = embed_speakers(model, store)
        write_feature(store.folder, "speaker", (embeddings[entry["speaker"]][None] for entry in store.entries))


if __name__ == "__main__":
    main()
