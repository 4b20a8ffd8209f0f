"""A bundle whose language model lies between those of two bundles: θ = (1 − share) θ_before + share θ_after.

    python recipes/rl/averaged.py BEFORE AFTER OUT [--share 0.5]

WiSE-FT (Wortsman et al., 2022, Robust fine-tuning of zero-shot models): what training has sharpened stays, and what it
had no text for is forgotten less. All else is that of AFTER.
"""

import argparse
import shutil
from pathlib import Path

import torch

from glmtts.bundle import CONFIG_FILE, Bundle, save_config, save_module

MODULE = "lm"


@torch.no_grad()
def averaged(before: Bundle, after: Bundle, out: Path, share: float) -> None:
    """Write the bundle."""
    network, old = after.network(MODULE), before.network(MODULE).state_dict()
    for name, value in network.state_dict().items():
        value.copy_(torch.lerp(old[name].float(), value.float(), share))
    shutil.copytree(after.folder, out, ignore=shutil.ignore_patterns(CONFIG_FILE, "__pycache__"))
    entry = after.config.modules[MODULE]
    saved = save_module(out, MODULE, entry.architecture, network, network.config)  # type: ignore[arg-type]
    save_config(out, after.config.model_copy(update={"modules": {**after.config.modules, MODULE: saved}}))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    for name in ("before", "after", "out"):
        parser.add_argument(name, type=Path)
    parser.add_argument("--share", type=float, default=0.5, help="0: BEFORE, 1: AFTER")
    given = parser.parse_args()
    averaged(Bundle.open(given.before), Bundle.open(given.after), given.out, given.share)
    print(f"{given.out} is ready: glm-tts say TEXT --model {given.out}")


if __name__ == "__main__":
    main()
