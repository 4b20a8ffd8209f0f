"""Bundles that are copies of others but for some networks: merged voices, trained policies."""

import shutil
from collections.abc import Mapping
from pathlib import Path

from torch import nn

from glmtts.bundle import Bundle, save_module
from glmtts.bundle_config import BundleConfig


def copy_bundle(folder: Path, bundle: Bundle, networks: Mapping[str, nn.Module]) -> BundleConfig:
    """Copy all files of a bundle but the modules in `networks`, which are written anew; gives what describes them.

    Raises:
        BundleError: a file of the bundle is missing or was changed.
        OSError: the folder takes nothing.
    """
    config = bundle.config
    # by the configuration, not by listing the folder: what else lies there is no part of the bundle
    files = dict(config.text_files)
    files |= {entry.file: entry.sha256 for entry in config.voices.values()}
    files |= {entry.file: entry.sha256 for name, entry in config.modules.items() if name not in networks}
    for name, digest in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(bundle.path(name, digest), folder / name)
    modules = dict(config.modules)
    for name, network in networks.items():
        entry = config.modules[name]
        modules[name] = save_module(folder, name, entry.architecture, network, entry.parsed())
    return config.model_copy(update={"modules": modules})
