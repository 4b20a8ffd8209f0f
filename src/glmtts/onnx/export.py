"""Export of a bundle to ONNX: a graph a stage, checked weights, voices as they are; what remains to do is NumPy's."""

import json
import shutil
import warnings
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file
from torch import nn

from glmtts import durable
from glmtts.backends import backend
from glmtts.bundle import Bundle
from glmtts.errors import BundleError
from glmtts.lm.model import Llama
from glmtts.lm.quantised.config import Bits
from glmtts.lm.quantised.model import QuantisedLlama
from glmtts.lm.quantised.pack import joined_matrices, norms, packed, usual_block
from glmtts.onnx import graphs
from glmtts.onnx.bundle import LM_WEIGHTS
from glmtts.onnx.choice import CONFIG_FILE
from glmtts.onnx.clone import FBANK_MELS
from glmtts.onnx.config import DecoderConfig, FlowGraphConfig, OnnxConfig, SpectrumConfig, VoiceFile
from glmtts.onnx.integers import round_matrices
from glmtts.ort.kernels import ROUNDED
from glmtts.ort.llama import llama_graph
from glmtts.ort.runtime import INSTALL
from glmtts.ort.tensors import stored
from glmtts.places import check_new_folder
from glmtts.vocoder.harmonic import HarmonicVocos
from glmtts.weights import digest_of

OPSET = 17
TEXT_FILES = ("tokenizer.model", "added_tokens.json")
ROUNDED_STAGES = ("flow", "vocoder", "recogniser")


def export(source: Path | None, out: Path, bits: Bits | None = None) -> None:
    """Write the stages of a bundle to the new folder `out`; its description comes last.

    With `bits`, a language model that is not packed yet is packed (lm/quantised), and flow, vocoder and the judge's
    recogniser multiply in integers (integers.py).

    Raises:
        BundleError: `out` holds something or cannot be written, the package onnx is missing (with `bits`, onnxruntime
            too), or a stage cannot be exported. Then nothing of it stays.
    """
    for package in ("onnx", "onnxruntime") if bits else ("onnx",):
        backend(package, "The export", INSTALL, BundleError)
    check_new_folder(out, BundleError, "exported model")
    bundle = Bundle.open(source)
    vocoder = bundle.network("vocoder")
    graphs.check_vocoder(vocoder)
    cure = "Free some space or choose another folder."
    with durable.writable(out, BundleError, cure), durable.new_folder(out) as folder:
        _write(bundle, vocoder, folder, bits)


def _write(bundle: Bundle, vocoder: Any, out: Path, bits: Bits | None) -> None:
    """Every stage, then the description."""
    lm = language_model(bundle, out, bits)
    flow = _flow(bundle, out)
    istft = vocoder_graphs(vocoder, out)
    reads, mels = _recogniser(bundle, out), _tokenizer(bundle, out)
    _speaker(bundle, out)
    if bits:
        # not the speech tokenizer and the speaker encoder: a voice is made once, and kept
        for path in sorted(out.glob("*.onnx")):
            if path.name.startswith(ROUNDED_STAGES):
                round_matrices(path)
    _describe(bundle, out, lm=lm, flow=flow, istft=istft, reads=reads, tokenizer_mels=mels)


def language_model(bundle: Bundle, out: Path, bits: Bits | None) -> DecoderConfig:
    """Weights and graph of the language model; gives its sizes. A packed one stays packed."""
    model: Any = bundle.lm
    if isinstance(model, QuantisedLlama):
        shutil.copyfile(bundle.folder / bundle.config.modules["lm"].file, out / LM_WEIGHTS)
        sizes = {name: getattr(model.config, name) for name in DecoderConfig.model_fields}
    elif isinstance(model, Llama) and bits:
        _, packed_weights = packed(model, bundle.audio_tokens, bits, usual_block(model, bits))
        save_file(packed_weights, out / LM_WEIGHTS)
        sizes = {**model.config.model_dump(), "choices": bundle.audio_tokens.count + 1}
    elif isinstance(model, Llama):
        # transposed, (inputs, outputs), as MatMul takes them (ort/llama.py)
        weights = {f"{name}.weight": value.T for name, value in joined_matrices(model, bundle.audio_tokens)}
        weights |= {"embedding": model.model.embed_tokens.weight.detach(), **norms(model)}
        save_file({name: value.float().contiguous() for name, value in weights.items()}, out / LM_WEIGHTS)
        sizes = {**model.config.model_dump(), "choices": bundle.audio_tokens.count + 1}
    else:
        raise BundleError(f"The language model of '{bundle.config.name}' is no plain Llama: it cannot be exported.")
    # safetensors writes a file for its owner alone
    (out / LM_WEIGHTS).chmod(0o644)
    config = DecoderConfig.parse(sizes)
    # rounded always: the processor that will run it cannot be measured here
    (out / "lm.onnx").write_bytes(llama_graph(config, stored(out / LM_WEIGHTS), LM_WEIGHTS, ROUNDED))
    return config


def _flow(bundle: Bundle, out: Path) -> FlowGraphConfig:
    """Both graphs of the flow; gives what their loop needs to know."""
    flow: Any = bundle.network("flow")
    config, adapted = flow.config, bundle.config.synthesis.get("adaptation_steps", 0) > 0
    shape = tuple(flow.prior.head.adaptation_shape) if adapted and flow.prior is not None else None
    # an example of the right types; the axes that are named below stay open
    given: dict[str, Any] = {"tokens": torch.zeros(1, 20, dtype=torch.long)}
    if flow.prior is not None:
        given |= {
            "speaker": torch.ones(1, config.speaker_width) / config.speaker_width**0.5,  # of length 1
            "f0": torch.tensor([150.0]),
        }
    if shape is not None:
        given["adaptation"] = torch.zeros(1, *shape)
    trace(graphs.FlowInputsGraph(flow), given, {"tokens": {1: "tokens"}}, out / "flow_inputs.onnx")
    # embedded tokens have the mel prior behind them, where there is one
    frames, width = 20, config.token_width + (config.n_mels if flow.prior is not None else 0)
    sizes = {"noisy": config.n_mels, "embedded": width, "prompt": config.n_mels}
    inputs = {name: torch.randn(2, frames, size) for name, size in sizes.items()}
    given = {
        "noisy": inputs["noisy"],
        "t": torch.full((2,), 0.5),
        "embedded": inputs["embedded"],
        "prompt": inputs["prompt"],
        "speaker": torch.randn(2, config.speaker_width),
        "attention_mask": torch.ones(frames, frames, dtype=torch.bool),
    }
    axes = {name: {0: "rows", 1: "frames"} for name in sizes} | {"t": {0: "rows"}, "speaker": {0: "rows"}}
    axes["attention_mask"] = {0: "frames", 1: "frames"}
    trace(graphs.FlowVelocityGraph(flow), given, axes, out / "flow_velocity.onnx")
    prior = None if flow.prior is None else config.token_width
    return FlowGraphConfig(
        n_mels=config.n_mels,
        frames_per_token=config.frames_per_token,
        mel_mean=config.mel_mean,
        mel_std=config.mel_std,
        prior=prior,
        adaptation=shape,
    )


def vocoder_graphs(vocoder: Any, out: Path) -> SpectrumConfig:
    """The vocoder; gives what NumPy does after it.

    Raises:
        BundleError: it gives no spectrum.
    """
    graphs.check_vocoder(vocoder)
    mel, axes, source = {"mel": (1, vocoder.mel.n_mels, 50)}, {"mel": {2: "frames"}}, isinstance(vocoder, HarmonicVocos)
    if source:
        trace(graphs.PitchGraph(vocoder), mel, axes, out / "vocoder_pitch.onnx")
        both = axes | {"octaves": {1: "frames"}}
        trace(graphs.FiltersGraph(vocoder), mel | {"octaves": (1, 50)}, both, out / "vocoder.onnx")
    else:
        trace(graphs.VocoderGraph(vocoder), mel, axes, out / "vocoder.onnx")
    return SpectrumConfig(n_fft=vocoder.istft.n_fft, hop_length=vocoder.istft.hop_length, source=source)


def _recogniser(bundle: Bundle, out: Path) -> int | None:
    """The judge's recogniser; gives how many tokens it reads at once."""
    if bundle.recogniser is None:
        return None
    network: Any = bundle.network("token_recogniser")
    given = {
        "tokens": torch.zeros(2, 20, dtype=torch.long),
        "positions": torch.arange(20),
        "mask": torch.ones(2, 20, dtype=torch.bool),
    }
    axes = {"tokens": {0: "rows", 1: "tokens"}, "positions": {0: "tokens"}, "mask": {0: "rows", 1: "tokens"}}
    trace(graphs.RecogniserGraph(network), given, axes, out / "recogniser.onnx")
    return int(network.longest)


def _tokenizer(bundle: Bundle, out: Path) -> int | None:
    """The speech tokenizer; gives the mel bins that it takes."""
    if "speech_tokenizer" not in bundle.config.modules:
        return None
    network: Any = bundle.network("speech_tokenizer")
    bins, axes = network.config.num_mel_bins, {"features": {2: "frames"}}
    trace(graphs.SpeechTokenizerGraph(network), {"features": (1, bins, 200)}, axes, out / "speech_tokenizer.onnx")
    return int(bins)


def _speaker(bundle: Bundle, out: Path) -> None:
    """The speaker encoder, by which recordings are cloned, where it is a network of this package."""
    if bundle.config.modules.get("speaker") and bundle.config.modules["speaker"].architecture == "campplus":
        network = bundle.network("speaker")
        trace(network, {"fbank": (1, 350, FBANK_MELS)}, {"fbank": {1: "frames"}}, out / "speaker.onnx")


def trace(network: nn.Module, given: dict[str, Any], axes: dict[str, dict[int, str]], path: Path) -> None:
    """Write a network as a graph; inputs are tensors, or shapes of normal ones."""
    inputs = tuple(torch.randn(*value) if isinstance(value, tuple) else value for value in given.values())
    with warnings.catch_warnings(), torch.no_grad():
        warnings.simplefilter("ignore")  # of the tracer, which tells of every shape that it follows
        torch.onnx.export(
            network.eval(),
            inputs,
            str(path),
            input_names=list(given),
            dynamic_axes=axes,
            opset_version=OPSET,
            dynamo=False,  # the newer exporter takes ten times as long for the same graphs
        )


def _describe(bundle: Bundle, out: Path, **stages: Any) -> None:
    """Copy texts and voices, and write the description with the hash of every file."""
    own = bundle.config
    for name in TEXT_FILES:
        shutil.copyfile(bundle.folder / name, out / name)
    for entry in own.voices.values():
        source = bundle.path(entry.file, entry.sha256)
        # a bundle may keep its voices in any folder
        (out / entry.file).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, out / entry.file)
    # the description itself is not among them: it holds their hashes
    files = sorted(path for path in out.rglob("*") if path.is_file())
    config = OnnxConfig(
        name=own.name,
        description=own.description,
        licence=own.licence,
        token_rate=bundle.clock.token_rate,
        mel=bundle.clock.mel,
        look_ahead=bundle.vocoder.look_ahead,
        text=own.text,
        synthesis=own.synthesis,
        speaker_prompts=own.speaker_prompts,
        voices={name: VoiceFile(file=one.file, description=one.description) for name, one in own.voices.items()},
        made_with={name: own.modules[name].sha256 for name in ("speech_tokenizer", "flow") if name in own.modules},
        files={path.relative_to(out).as_posix(): digest_of(path) for path in files},
        **stages,
    )
    (out / CONFIG_FILE).write_text(json.dumps(config.model_dump(), ensure_ascii=False, indent=1), encoding="utf-8")
