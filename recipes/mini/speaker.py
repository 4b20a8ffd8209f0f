"""Bring the open CAM++ weights into ours and embed every utterance.

python recipes/mini/speaker.py --weights campplus_cn_en_common.pt --work WORK
"""

import argparse
from pathlib import Path

import torch
from corpora import PEOPLE, TEACHER
from safetensors.torch import save_file
from stage import open_stores
from tqdm import tqdm

from glmtts.audio.io import load_audio
from glmtts.features import write_feature
from glmtts.speaker.campplus import CampPlus, CampPlusConfig
from glmtts.speaker.embed import speaker_embedding

SECONDS = 3


def load_open_weights(path: Path) -> CampPlus:
    """Our CAM++ with the weights of a PyTorch state dict (tensors only)."""
    model = CampPlus(CampPlusConfig())
    state = torch.load(path, map_location="cpu", weights_only=True)
    counters = {name: value for name, value in model.state_dict().items() if "num_batches" in name}
    model.load_state_dict({**counters, **state})
    return model.eval()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--weights", type=Path, required=True)
    parser.add_argument("--work", type=Path, required=True, help="holds features/; results go beside it")
    arguments = parser.parse_args()
    model = load_open_weights(arguments.weights)
    folder = arguments.work / "speaker"
    folder.mkdir(exist_ok=True)
    save_file(
        {k: v for k, v in model.state_dict().items() if "num_batches" not in k}, folder / "model.safetensors"
    )
    for store in open_stores(arguments.work / "features", (*TEACHER, *PEOPLE)):
        if "speaker" in store.names:
            continue
        paths = [Path(entry["path"]) for entry in store.entries]
        embeddings = (
            speaker_embedding(model, load_audio(path, 16000)[: SECONDS * 16000])[None].numpy()
            for path in tqdm(paths, desc=f"speakers of {store.folder.name}", mininterval=10)
        )
        write_feature(store.folder, "speaker", embeddings)


if __name__ == "__main__":
    main()
