"""A bundle with one stage replaced by what a run trained; voices, settings and all else stay.

    python recipes/mini/replace.py --run WORK/harmonic --out BUNDLE [--bundle OLD] [--stage vocoder]
        [--bytes vocoder token_recogniser]

The language model and the vocoder can be replaced so. Another speech tokenizer or flow asks for other voices: see
export.py.
"""

import shutil
from collections.abc import Sequence

from export import add_bytes, kind_of

from glmtts import durable
from glmtts.bundle import Bundle, save_config, save_module
from glmtts.errors import BundleError
from glmtts.places import check_new_folder
from glmtts.programs import a_folder, folder_to_fill, parser_of, run_program
from glmtts.training.weights import trained_model


def main(arguments: Sequence[str] | None = None) -> None:
    parser = parser_of(__doc__)
    parser.add_argument("--run", type=a_folder, required=True, help="the folder of the training")
    parser.add_argument("--out", type=folder_to_fill, required=True, help="a new folder")
    parser.add_argument("--bundle", type=a_folder, help="the embedded one by default")
    parser.add_argument("--stage", choices=("vocoder", "lm"), default="vocoder")
    add_bytes(parser)
    chosen = parser.parse_args(arguments)
    check_new_folder(chosen.out, BundleError, "bundle")
    bundle, model = Bundle.open(chosen.bundle), trained_model(chosen.run)
    if chosen.out.resolve().is_relative_to(bundle.folder.resolve()):
        raise BundleError(f"{chosen.out} lies in the bundle that is copied there. Give a folder beside it.")
    networks = {name: bundle.network(name) for name in chosen.bytes} | {chosen.stage: model}
    entries = dict(bundle.config.modules)
    with durable.writable(chosen.out, BundleError, "Give another --out."), durable.new_folder(chosen.out) as out:
        shutil.copytree(bundle.folder, out, dirs_exist_ok=True)
        for name, network in networks.items():
            kind = kind_of(chosen.stage, model) if name == chosen.stage else entries[name].architecture
            entries[name] = save_module(out, name, kind, network, network.config, name in chosen.bytes)
        save_config(out, bundle.config.model_copy(update={"modules": entries}))


if __name__ == "__main__":
    run_program(main)
