"""Write the mels that a bundle's flow makes of every recording's own speech tokens, for the vocoder to learn from.

    python recipes/mini/flow_mel.py --work WORK [--bundle BUNDLE] [--only zh en]

The vocoder hears such mels when `mini` speaks, and they are smoother than those of recordings. They lie on the same
frames as the recording, so that a vocoder trained on pairs of them learns what the flow leaves out (the fine-tuning of
HiFi-GAN, Kong et al., 2020). Reads `wave`, writes the feature `flow_mel` (80 bins, 50 Hz). Resumable by shards.
"""

from collections.abc import Callable, Sequence
from zlib import crc32

import numpy as np
import torch
from models import datasets_of, digest_of_weights

from glmtts.bundle import Bundle
from glmtts.data import FeatureSpec, Item, add_feature
from glmtts.eval.systems.copies import flow_mel
from glmtts.programs import a_folder, parser_of, run_program
from glmtts.synthesis.synthesizer import Synthesizer
from glmtts.synthesis.voice import voice_of


def flow_mel_of(tts: Synthesizer) -> Callable[[Item], np.ndarray]:
    """What makes the mel (frames, bins) of an utterance: its own tokens, speaker and F0, without a prompt."""

    def compute(item: Item) -> np.ndarray:
        voice = voice_of(tts.bundle, torch.from_numpy(item.features["wave"].astype(np.float32) / 32768), "")
        return flow_mel(tts, voice, crc32(item.utterance.id.encode()))[0].T.half().numpy()

    return compute


def main(arguments: Sequence[str] | None = None) -> None:
    parser = parser_of(__doc__)
    parser.add_argument("--work", type=a_folder, required=True, help="holds data/")
    parser.add_argument("--bundle", type=a_folder, help="the embedded one by default")
    parser.add_argument("--only", nargs="+", help="names of datasets; all that have `wave` by default")
    chosen = parser.parse_args(arguments)
    with Synthesizer(Bundle.open(chosen.bundle)) as tts:
        made_by = f"flow {digest_of_weights(tts.bundle.network('flow'))}"
        for folder in datasets_of(chosen.work, "wave", chosen.only):
            add_feature(folder, "flow_mel", FeatureSpec(rate=50, made_by=made_by), flow_mel_of(tts), ("wave",))


if __name__ == "__main__":
    run_program(main)
