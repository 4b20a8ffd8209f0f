"""What training leaves: a `.glmvoice` with the adapters, or a bundle with weights of its own."""

import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryFile

import torch
from safetensors.torch import save_file
from torch import nn

from glmtts import durable
from glmtts.adapters import layers_of
from glmtts.bundle import Bundle, save_config
from glmtts.bundle_config import VoiceEntry
from glmtts.bundle_copy import copy_bundle
from glmtts.errors import BundleError, VoiceError
from glmtts.places import check_new_folder
from glmtts.synthesis.adapter_pool import AdapterPool, base_of
from glmtts.synthesis.trained_voice import (
    TrainedAdapter,
    TrainedVoice,
    VoiceCard,
    check_voice_name,
    save_trained,
)
from glmtts.synthesis.voice import Voice
from glmtts.training.weights import fill
from glmtts.version import installed_version
from glmtts.voices.checks import Report
from glmtts.voices.dataset import trained_voice
from glmtts.voices.lora import take_out
from glmtts.voices.train import Trained
from glmtts.weights import digest_of

VOICES = "voices"
PEFT_WEIGHTS, PEFT_CONFIG = "adapter_model.safetensors", "adapter_config.json"


def check_output(output: Path) -> None:
    """Make the folder of an output and see that it takes files, before what is written there is trained.

    Raises:
        VoiceError: it does not.
    """
    with durable.writable(output, VoiceError, "Choose another --output."):
        output.parent.mkdir(parents=True, exist_ok=True)
        with TemporaryFile(dir=output.parent):
            pass


def card_of(
    name: str, bundle: Bundle, report: Report, trained: Mapping[str, Trained], licence: str, consent: str
) -> VoiceCard:
    """The card of a voice that was trained as adapters."""
    whole = [take for take in report.used if take.parent == take.id]
    figures = {f"{kind}_{key}": value for kind, one in trained.items() for key, value in one.figures.items()}
    return VoiceCard(
        name=name,
        # a card with what cannot be shown is none, and a bundle's name may hold anything
        base_name="".join(filter(str.isprintable, bundle.config.name)),
        base=base_of(bundle),
        languages=tuple(sorted({take.language for take in whole})),
        utterances=len(whole),
        hours=round(report.minutes / 60, 3),
        licence=licence,
        consent=consent,
        share={kind: round(one.ranks.share, 5) for kind, one in trained.items() if one.ranks is not None},
        trained_parameters={kind: one.parameters for kind, one in trained.items()},
        figures={key: round(value, 5) for key, value in figures.items()},
        created=time.strftime("%Y-%m-%d", time.gmtime()),
        made_by=f"glm-tts {installed_version()}",
    )


def write_voice(path: Path, bundle: Bundle, report: Report, trained: Mapping[str, Trained], card: VoiceCard) -> Path:
    """Write a `.glmvoice`.

    Raises:
        VoiceError: the path cannot be written.
    """
    adapters: dict[str, TrainedAdapter] = {}
    for kind, one in trained.items():
        assert one.ranks is not None
        adapters[kind] = take_out(one.weights, one.ranks)
    save_trained(path, trained_voice(report.used, bundle), card, adapters)
    return path


@torch.no_grad()
def merged(bundle: Bundle, voice: TrainedVoice) -> dict[str, nn.Module]:
    """The networks that a voice adapts, their weights with what the adapters add: W + up · down.

    The bundle's own modules are changed; open another one to speak without the voice.

    Raises:
        VoiceError: the voice is damaged, or names layers that the networks have not.
    """
    networks = {}
    for module in voice.modules:
        network, adapter = bundle.network(module), voice.adapter(module)
        for name, layer in layers_of(network, adapter).items():
            part = adapter.parts[name]
            layer.weight += (part.up_OR @ part.down_RI).to(layer.weight)
        networks[module] = network
    return networks


def merge_into(out: Path, bundle: Bundle, voice: TrainedVoice, pool: AdapterPool) -> Path:
    """Write a bundle that speaks as `voice` does on `bundle`, with no adapters.

    Raises:
        VoiceError: the voice is damaged, or was trained for another base.
        BundleError: there is something at `out` already, or it cannot be written.
    """
    check_new_folder(out, BundleError, "bundle")  # before the work, and again as it is written
    speaker = voice.voice(pool).compatible_with(bundle)
    networks = merged(bundle, voice)
    # without its adapter, which is in the weights: it would count twice
    return write_bundle(out, bundle, networks, voice.card.name, replace(speaker, adapter=None), voice.card.consent)


def write_peft(out: Path, voice: TrainedVoice) -> list[Path]:
    """Write each adapter as a folder in peft's own form; gives the folders.

    Raises:
        VoiceError: the voice is damaged, or the folders cannot be written.
    """
    adapters = {out / module: voice.trained(module) for module in voice.modules}  # all, before a folder is made
    for folder, trained in adapters.items():
        with durable.writable(folder, VoiceError, "Free some space or choose another folder."):
            folder.mkdir(parents=True, exist_ok=True)
            with durable.whole(folder / PEFT_WEIGHTS) as weights, durable.whole(folder / PEFT_CONFIG) as config:
                save_file({name: value.contiguous() for name, value in trained.tensors.items()}, weights)
                config.write_text(json.dumps(dict(trained.config), indent=1), encoding="utf-8")
    return list(adapters)


def full_networks(bundle: Bundle, trained: Mapping[str, Trained]) -> dict[str, nn.Module]:
    """The networks whose weights were all trained."""
    networks = {}
    for kind, one in trained.items():
        network = bundle.network(kind)
        # buffers are not among what was trained
        fill(network, network.state_dict() | one.weights, "the run")
        networks[kind] = network
    return networks


def write_bundle(
    out: Path,
    bundle: Bundle,
    networks: Mapping[str, nn.Module],
    name: str,
    voice: Voice,
    description: str,
    prefix: Sequence[int] = (),
) -> Path:
    """Write a bundle that is `bundle` with other networks, and with a voice that it speaks with by default.

    With a `prefix`, its ids are the prompt of the fine-tuned speaker `name`.

    Raises:
        BundleError: there is something at `out` already, or it cannot be written.
        VoiceError: `name` is none of a voice.
    """  # fmt: skip
    check_voice_name(name)
    check_new_folder(out, BundleError, "bundle")
    with durable.writable(out, BundleError, "Free some space or choose another place."), durable.new_folder(out) as new:
        (new / VOICES).mkdir()
        config = copy_bundle(new, bundle, networks)
        path = new / VOICES / f"{name}.safetensors"
        voice.save(path)
        entry = VoiceEntry(file=f"{VOICES}/{path.name}", sha256=digest_of(path), description=description)
        prompts = {**config.speaker_prompts, **({name: list(prefix)} if prefix else {})}
        changed = {
            "name": f"{bundle.config.name}-{name}", "voices": {**config.voices, name: entry},
            "synthesis": {**config.synthesis, "voice": name}, "speaker_prompts": prompts,
        }  # fmt: skip
        save_config(new, config.model_copy(update=changed))
    return out
