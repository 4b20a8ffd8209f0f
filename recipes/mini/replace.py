"""A bundle with one stage replaced by what a run trained; voices, settings and all else stay.

    python recipes/mini/replace.py --run WORK/harmonic --out BUNDLE [--bundle OLD] [--stage vocoder]
        [--bytes vocoder token_recogniser]

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
    parser.add_argument(
        "--bytes", nargs="*", default=(), metavar="MODULE", help="modules whose matrices take eight bits a weight"
    )
    chosen = parser.parse_args(arguments)
    if chosen.out.exists():
        raise SystemExit(f"{chosen.out} is there already. Give a new folder with --out.")
    bundle, model = Bundle.open(chosen.bundle), trained_model(chosen.run)
    shutil.copytree(bundle.folder, chosen.out)
    networks = {name: bundle.network(name) for name in chosen.bytes} | {chosen.stage: model}
    entries = dict(bundle.config.modules)
    for name, network in networks.items():
        kind = kind_of(chosen.stage, model) if name == chosen.stage else entries[name].architecture
        entries[name] = save_module(chosen.out, name, kind, network, network.config, name in chosen.bytes)
    save_config(chosen.out, bundle.config.model_copy(update={"modules": entries}))


if __name__ == "__main__":
    main()
