"""A trained policy back into a bundle, which then speaks like any other."""

from pathlib import Path
from typing import cast

from glmtts import durable
from glmtts.bundle import Bundle, save_config
from glmtts.bundle_copy import copy_bundle
from glmtts.errors import RlError
from glmtts.lm.model import Llama
from glmtts.places import check_new_folder
from glmtts.rl.policy import MODULE, bundle_of, is_adapted, plain_weights
from glmtts.rl.settings import PolicySection
from glmtts.training.config import RunConfig, check_config
from glmtts.training.registry import create_task
from glmtts.training.weights import trained_model


def export_bundle(config: RunConfig, out: Path) -> Path:
    """Write the run's bundle to the new folder `out`, with the language model that was trained, adapters merged.

    Raises:
        RlError: there is something at `out` already, or it cannot be written.
        TrainingError: the run has no checkpoint, or was trained with another configuration.
    """
    check_new_folder(out, RlError, "bundle")
    task = create_task(config)
    # as a resumed run: another bundle than that of the run has another vocabulary, and other stages
    check_config(task.config)
    section = task.section(PolicySection)
    bundle = bundle_of(section)
    policy = cast(Llama, trained_model(config.run.out))
    # with the names of a plain Llama, adapters merged: that is what reading a bundle builds
    plain = Llama(policy.config)
    plain.load_state_dict(plain_weights(policy) if is_adapted(policy) else policy.state_dict())
    cure = "Free some space or choose another folder."
    with durable.writable(out, RlError, cure), durable.new_folder(out) as folder:
        # bundle.json last: until then the folder is no bundle
        save_config(folder, copy_bundle(folder, bundle, {MODULE: plain}))
    Bundle.open(out)
    return out
