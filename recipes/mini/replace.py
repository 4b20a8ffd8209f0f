"""A bundle with one stage replaced by what a run trained; voices, settings and all else stay.

    python recipes/mini/replace.py --run WORK/harmonic --out BUNDLE [--bundle OLD] [--stage vocoder] [--bytes]

The language model and the vocoder can be replaced so. Another speech tokenizer or flow asks for other voices: see
export.py.
"""

import argparse
import shutil
from collections.abc import Sequence
from pathlib import Path

from export import kind_of

from glmtts.bundle import Bundle, save_config, save_module
from glmtts.training.weights import trained_model


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--run", type=Path, required=True, help="the folder of the training")
    parser.add_argument("--out", type=Path, required=True, help="a new folder")
    parser.add_argument("--bundle", type=Path, help="the embedded one by default")
    parser.add_argument("--stage", choices=("vocoder", "lm"), default="vocoder")
    parser.add_argument("--bytes", action="store_true", help="matrices take eight bits a weight")
    chosen = parser.parse_args(arguments)
    bundle, model = Bundle.open(chosen.bundle), trained_model(chosen.run)
    shutil.copytree(bundle.folder, chosen.out)
    entry = save_module(chosen.out, chosen.stage, kind_of(chosen.stage, model), model, model.config, chosen.bytes)
    save_config(chosen.out, bundle.config.model_copy(update={"modules": bundle.config.modules | {chosen.stage: entry}}))


if __name__ == "__main__":
    main()
