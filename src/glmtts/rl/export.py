"""A trained policy back into a bundle, which then speaks like any other."""

import shutil
from pathlib import Path
from typing import cast

from glmtts import durable
from glmtts.bundle import CONFIG_FILE, Bundle, save_config, save_module
from glmtts.errors import RlError
from glmtts.lm.model import Llama
from glmtts.places import is_file
from glmtts.rl.policy import MODULE, is_adapted, plain_weights
from glmtts.rl.settings import PolicySection
from glmtts.training.config import RunConfig
from glmtts.training.registry import bundles, create_task
from glmtts.training.weights import trained_model


def export_bundle(config: RunConfig, out: Path) -> Path:
    """Write the run's bundle to `out` with the language model that the run has trained, adapters merged.

    Raises:
        RlError: the folder holds a bundle already, or cannot be written.
        TrainingError: the run has no checkpoint.
    """
    if is_file(out / CONFIG_FILE, RlError):
        raise RlError(f"{out} holds a bundle already. Choose another folder.")
    section = create_task(config).section(PolicySection)
    source = bundles().folder(section.bundle)
    policy = cast(Llama, trained_model(config.run.out))
    # with the names of a plain Llama, adapters merged: that is what reading a bundle builds
    plain = Llama(policy.config)
    plain.load_state_dict(plain_weights(policy) if is_adapted(policy) else policy.state_dict())
    old = Bundle.open(source).config
    with durable.writable(out, RlError, "Free some space or choose another folder."):
        # bundle.json is left out here and written last: until then the folder is no bundle
        shutil.copytree(source, out, dirs_exist_ok=True, ignore=shutil.ignore_patterns(CONFIG_FILE, "__pycache__"))
        entry = save_module(out, MODULE, old.modules[MODULE].architecture, plain, policy.config)
        save_config(out, old.model_copy(update={"modules": {**old.modules, MODULE: entry}}))
    return out
