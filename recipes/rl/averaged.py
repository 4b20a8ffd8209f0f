"""A bundle whose language model lies between those of two bundles: θ = (1 − share) θ_before + share θ_after.

    python recipes/rl/averaged.py BEFORE AFTER OUT [--share 0.5]

WiSE-FT (Wortsman et al., 2022, Robust fine-tuning of zero-shot models): what training has sharpened stays, and what it
had no text for is forgotten less. All else is that of AFTER.
"""

import shutil
from pathlib import Path

import torch

from glmtts import durable
from glmtts.bundle import CONFIG_FILE, Bundle, save_config, save_module
from glmtts.errors import BundleError
from glmtts.places import check_new_folder
from glmtts.programs import a_folder, folder_to_fill, number_from, parser_of, run_program

MODULE = "lm"


@torch.no_grad()
def averaged(before: Bundle, after: Bundle, out: Path, share: float) -> None:
    """Write the bundle.

    Raises:
        BundleError: `out` is no new folder, or the two are of other sizes.
    """
    check_new_folder(out, BundleError, "bundle")
    network, old = after.network(MODULE), before.network(MODULE).state_dict()
    unlike = [name for name, value in network.state_dict().items() if value.shape != getattr(old.get(name), "shape", 0)]
    if unlike or len(old) != len(network.state_dict()):
        raise BundleError(
            f"The language models of {before.folder} and {after.folder} have other sizes. Give two of one."
        )
    for name, value in network.state_dict().items():
        value.copy_(torch.lerp(old[name].float(), value.float(), share))
    entry = after.config.modules[MODULE]
    with durable.writable(out, BundleError, "Give another folder."), durable.new_folder(out) as made:
        ignored = shutil.ignore_patterns(CONFIG_FILE, "__pycache__")
        shutil.copytree(after.folder, made, ignore=ignored, dirs_exist_ok=True)
        saved = save_module(made, MODULE, entry.architecture, network, network.config)  # type: ignore[arg-type]
        save_config(made, after.config.model_copy(update={"modules": {**after.config.modules, MODULE: saved}}))


def main() -> None:
    parser = parser_of(__doc__)
    parser.add_argument("before", type=a_folder)
    parser.add_argument("after", type=a_folder)
    parser.add_argument("out", type=folder_to_fill, help="a new folder")
    parser.add_argument("--share", type=number_from(0, 1), default=0.5, help="0: BEFORE, 1: AFTER")
    given = parser.parse_args()
    averaged(Bundle.open(given.before), Bundle.open(given.after), given.out, given.share)
    print(f"{given.out} is ready: glm-tts say TEXT --model {given.out}")


if __name__ == "__main__":
    run_program(main)
