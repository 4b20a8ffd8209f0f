"""A bundle whose language model has weights of four or eight bits: smaller, and faster on a CPU."""

import shutil
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file

from glmtts import durable
from glmtts.bundle import CONFIG_FILE, Bundle, save_config
from glmtts.bundle_config import ModuleEntry
from glmtts.errors import BundleError
from glmtts.lm.model import Llama
from glmtts.lm.prompt import build_prompt
from glmtts.lm.quantised.config import HEAD_BITS, Bits, Block
from glmtts.lm.quantised.pack import packed, usual_block
from glmtts.places import check_new_folder
from glmtts.weights import digest_of

TEXTS = (
    "The quiet river runs along the old stone bridge, and nobody has seen the ferry since Monday.",
    "请把窗户关上，外面已经下了一整天的雨，路上都是水。",
    "Would you rather take the train at seven, or wait for the bus at a quarter past eight?",
    "他说下个月要去北京开会，顺便看望老朋友。",
)
TOKENS = 40  # of each text
LEAST_AGREEMENT = 0.95  # a choice; mini has 0.98 with 8 bits, 0.85 to 0.88 with 4
LARGE = 1024  # the width from which four bits serve the head too, in blocks of 128, much faster than those of 32


def quantise(source: Path | None, out: Path, bits: Bits, block: Block | None = None) -> Bundle:
    """Write a copy of a bundle to the new folder `out`, its language model packed; opens it.

    `block` weights share a scale: by default 128 of four bits in a large model, whose head then has four bits too, and
    else as `usual_block` says, with a head of eight.

    Raises:
        BundleError: `out` holds something or cannot be written, or the language model cannot be packed. Then nothing
            of it stays.
    """
    bundle = Bundle.open(source)
    check_new_folder(out, BundleError, "packed bundle")
    model: Any = bundle.lm
    if not isinstance(model, Llama):
        raise BundleError(f"The language model of '{bundle.config.name}' is no plain Llama: it cannot be packed.")
    large = bits == 4 and model.config.hidden_size >= LARGE
    head: Bits = bits if large else HEAD_BITS
    block = block or (128 if large else usual_block(model, bits))
    config, weights = packed(model, bundle.audio_tokens, bits, block, head)
    # the hash follows in `_write`, when the file is there
    entry = ModuleEntry(architecture="llama_packed", file="lm.safetensors", sha256="", config=config.model_dump())
    description = f"{bundle.config.description} Language model of {bits} bits a weight."
    cure = "Free some space or choose another folder."
    with durable.writable(out, BundleError, cure), durable.new_folder(out) as folder:
        _write(bundle, folder, {name: value.contiguous() for name, value in weights.items()}, entry, description)
    return Bundle.open(out)


def _write(bundle: Bundle, out: Path, weights: dict[str, torch.Tensor], entry: ModuleEntry, description: str) -> None:
    """The bundle with these weights as its language model, of which `entry` lacks the hash."""
    # by whole paths: a voice may be called `lm` too
    written_anew = {bundle.folder / name for name in (CONFIG_FILE, bundle.config.modules["lm"].file)}
    making = out.parent.resolve()  # which may lie in the bundle's folder

    def unused(folder: str, names: list[str]) -> list[str]:
        paths = {name: Path(folder) / name for name in names}
        return [name for name, path in paths.items() if path in written_anew or path.resolve() == making]

    shutil.copytree(bundle.folder, out, dirs_exist_ok=True, ignore=unused)
    file = out / entry.file
    with durable.whole(file) as temporary:
        save_file(weights, temporary)
    modules = {**bundle.config.modules, "lm": entry.model_copy(update={"sha256": digest_of(file)})}
    save_config(out, bundle.config.model_copy(update={"description": description, "modules": modules}))


@torch.inference_mode()
def agreement(bundle: Bundle, packed_bundle: Bundle) -> float:
    """Share of the steps at which the packed language model finds the same token most likely, on a few sentences.

    The tokens are those that the unpacked one draws greedily, and both read the same ones, so that one difference does
    not make all that follow differ.
    """
    layout, frontend = bundle.audio_tokens, bundle.frontend()
    same = 0
    for text in TEXTS:
        ids = build_prompt(layout, frontend.ids(frontend.prepare(text)[0].closed))
        states = [one.lm.new_state(layout) for one in (bundle, packed_bundle)]
        logits = [one.lm.prefill(state, ids, 1) for one, state in zip((bundle, packed_bundle), states, strict=True)]
        for _ in range(TOKENS):
            codes = [int(row[0, :-1].argmax()) for row in logits]  # without the end, so that each text has its tokens
            same += codes[0] == codes[1]
            logits = [one.lm.step(state, codes[:1]) for one, state in zip((bundle, packed_bundle), states, strict=True)]
    return same / (TOKENS * len(TEXTS))
