"""A bundle whose language model has weights of four or eight bits: smaller, and faster on a CPU."""

import shutil
from pathlib import Path
from typing import Annotated, Literal

import torch
import typer
from safetensors.torch import save_file

from glmtts import durable
from glmtts.bundle import CONFIG_FILE, Bundle, ModuleEntry, save_config
from glmtts.errors import BundleError, ConfigError
from glmtts.lm.model import Llama
from glmtts.lm.prompt import build_prompt
from glmtts.lm.quantised.pack import packed
from glmtts.weights import digest_of

TEXTS = (
    "The quiet river runs along the old stone bridge, and nobody has seen the ferry since Monday.",
    "请把窗户关上，外面已经下了一整天的雨，路上都是水。",
    "Would you rather take the train at seven, or wait for the bus at a quarter past eight?",
    "他说下个月要去北京开会，顺便看望老朋友。",
)
TOKENS = 40  # of each text
LEAST_AGREEMENT = 0.95


def quantise(source: Path | None, out: Path, bits: Literal[4, 8]) -> Bundle:
    """Write a copy of a bundle to the new folder `out`, its language model packed; opens it.

    Raises:
        BundleError: `out` holds something, or the language model cannot be packed.
    """
    bundle = Bundle.open(source)
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise BundleError(f"{out} is there already. Choose a new folder for the packed bundle.")
    model = bundle.network("lm")
    if not isinstance(model, Llama):
        raise BundleError(f"The language model of '{bundle.config.name}' is no plain Llama: it cannot be packed.")
    config, weights = packed(model, bundle.audio_tokens, bits)
    old = bundle.config.modules["lm"]
    shutil.copytree(bundle.folder, out, dirs_exist_ok=True, ignore=shutil.ignore_patterns(CONFIG_FILE, old.file))
    file = out / "lm.safetensors"
    save_file({name: value.contiguous() for name, value in weights.items()}, file.with_suffix(".part"))
    durable.replace(file.with_suffix(".part"), file)
    entry = ModuleEntry(architecture="llama_packed", file=file.name, sha256=digest_of(file), config=config.model_dump())
    description = f"{bundle.config.description} Language model of {bits} bits a weight."
    modules = {**bundle.config.modules, "lm": entry}
    save_config(out, bundle.config.model_copy(update={"description": description, "modules": modules}))
    return Bundle.open(out)


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


def command(
    out: Annotated[Path, typer.Argument(help="The new folder of the packed bundle.")],
    model: Annotated[
        Path | None, typer.Option("--model", help="The bundle to pack; the embedded one by default.")
    ] = None,
    bits: Annotated[int, typer.Option(help="8, or 4: half as large and faster, for large models.")] = 8,
) -> None:
    """Pack the language model of a bundle into 8 or 4 bits a weight: smaller, and faster on a CPU."""
    if bits not in (4, 8):
        raise ConfigError(f"A weight cannot have {bits} bits here. Choose --bits 8 or 4.")
    packed_bundle = quantise(model, out, 4 if bits == 4 else 8)
    share = agreement(Bundle.open(model), packed_bundle)
    typer.echo(f"{out} is ready. It finds the same token most likely at {100 * share:.1f} % of the steps.")
    if share < LEAST_AGREEMENT:
        typer.echo(f"That is less than {100 * LEAST_AGREEMENT:.0f} %, and may be heard. Prefer --bits 8.", err=True)
