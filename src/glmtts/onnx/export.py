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
from glmtts.backends import backend, failure_of
from glmtts.bundle import Bundle
from glmtts.errors import BundleError
from glmtts.flow.dit import DiT
from glmtts.judging.recogniser import TokenRecogniser
from glmtts.lm.model import Llama
from glmtts.lm.quantised.config import Bits
from glmtts.lm.quantised.model import QuantisedLlama
from glmtts.lm.quantised.pack import joined_matrices, norms, packed, usual_block
from glmtts.onnx import graphs
from glmtts.onnx.bundle import LM_WEIGHTS
from glmtts.onnx.config import DecoderConfig, FlowGraphConfig, OnnxConfig, SpectrumConfig, VoiceFile
from glmtts.onnx.integers import round_matrices
from glmtts.onnx.ranges import add_ranges
from glmtts.ort.kernels import ROUNDED
from glmtts.ort.llama import llama_graph
from glmtts.ort.runtime import INSTALL, bytes_for_cache
from glmtts.ort.tensors import stored
from glmtts.places import EXPORTED_FILE, check_new_folder
from glmtts.speech_tokenizer.model import SpeechTokenizer
from glmtts.stages import architecture
from glmtts.synthesis.settings import SynthesisDefaults
from glmtts.vocoder.harmonic import HarmonicVocos
from glmtts.weights import digest_of

OPSET = 17
TEXT_FILES = ("tokenizer.model", "added_tokens.json")
ROUNDED_STAGES = ("flow", "vocoder", "recogniser")
KINDS = {"flow": DiT, "vocoder": nn.Module, "token_recogniser": TokenRecogniser, "speech_tokenizer": SpeechTokenizer}


def export(source: Path | None, out: Path, bits: Bits | None = None) -> None:
    """Write the stages of a bundle to the new folder `out`; its description comes last.

    With `bits`, a language model that is not packed yet is packed (lm/quantised), and flow, vocoder and the judge's
    recogniser multiply in integers (integers.py).

    Raises:
        BundleError: `out` holds something or cannot be written, the package onnx is missing (with `bits`, onnxruntime
            too), a stage cannot be exported, or the section `synthesis` is not valid. Then nothing of it stays.
    """
    for package in ("onnx", "onnxruntime") if bits else ("onnx",):
        backend(package, "The export", INSTALL, BundleError)
    check_new_folder(out, BundleError, "exported model")
    bundle = Bundle.open(source)
    SynthesisDefaults.of(bundle)  # else nobody could open what is written
    _check_kinds(bundle)
    vocoder = bundle.network("vocoder")
    graphs.check_vocoder(vocoder)
    cure = "Free some space or choose another folder."
    with durable.writable(out, BundleError, cure), durable.new_folder(out) as folder:
        _write(bundle, vocoder, folder, bits)


def _write(bundle: Bundle, vocoder: Any, out: Path, bits: Bits | None) -> None:
    """Every stage, then the description."""
    lm = language_model(bundle, out, bits)
    modules = bundle.config.modules
    flow = flow_graphs(bundle.network("flow"), out)
    istft = vocoder_graphs(vocoder, out)
    reads = recogniser_graph(bundle.network("token_recogniser"), out) if "token_recogniser" in modules else None
    mels = tokenizer_graph(bundle.network("speech_tokenizer"), out) if "speech_tokenizer" in modules else None
    # of another speaker encoder, recordings cannot be cloned
    if "speaker" in modules and modules["speaker"].architecture == "campplus":
        speaker_graph(bundle.network("speaker"), out)
    if bits:
        # not the speech tokenizer and the speaker encoder: a voice is made once, and kept
        for path in sorted(out.glob("*.onnx")):
            if path.name.startswith(ROUNDED_STAGES):
                round_matrices(path)
    _describe(bundle, out, lm=lm, flow=flow, istft=istft, reads=reads, tokenizer_mels=mels)


def _check_kinds(bundle: Bundle) -> None:
    """See that the stages are those of this package, by their names alone: a program is not started for that.

    Raises:
        BundleError: one is of another class, of which nothing here knows how it is traced.
    """
    for name, entry in bundle.config.modules.items():
        # of a vocoder the spectrum decides (`check_vocoder`), of a language model what it decodes with
        kind = KINDS.get(name, object)
        if not issubclass(architecture(entry.architecture).model_class(), kind):
            raise BundleError(
                f"The {name} of '{bundle.config.name}' is a {entry.architecture}, which cannot be exported. "
                "Speak this bundle with PyTorch."
            )


def language_model(bundle: Bundle, out: Path, bits: Bits | None) -> DecoderConfig:
    """Weights and graph of the language model; gives its sizes. A packed one stays packed.

    With `bits`, keys and values have eight bits as well where ONNX Runtime has kernels for that (ranges.py).
    """
    model: Any = bundle.lm
    if isinstance(model, QuantisedLlama):
        shutil.copyfile(bundle.folder / bundle.config.modules["lm"].file, out / LM_WEIGHTS)
        sizes = {name: getattr(model.config, name) for name in DecoderConfig.model_fields}
    elif isinstance(model, Llama) and bits:
        _, packed_weights = packed(model, bundle.audio_tokens, bits, usual_block(model, bits))
        with durable.whole(out / LM_WEIGHTS) as file:
            save_file(packed_weights, file)
        sizes = {**model.config.model_dump(), "choices": bundle.audio_tokens.count + 1}
    elif isinstance(model, Llama):
        # transposed, (inputs, outputs), as MatMul takes them (ort/llama.py)
        weights = {f"{name}.weight": value.T for name, value in joined_matrices(model, bundle.audio_tokens)}
        weights |= {"embedding": model.model.embed_tokens.weight.detach(), **norms(model)}
        with durable.whole(out / LM_WEIGHTS) as file:
            save_file({name: value.float().contiguous() for name, value in weights.items()}, file)
        sizes = {**model.config.model_dump(), "choices": bundle.audio_tokens.count + 1}
    else:
        raise BundleError(f"The language model of '{bundle.config.name}' is no plain Llama: it cannot be exported.")
    config = DecoderConfig.parse(sizes)
    if bits and bytes_for_cache():
        add_ranges(bundle, out, config)
    # rounded always: the processor that will run it cannot be measured here
    (out / "lm.onnx").write_bytes(llama_graph(config, stored(out / LM_WEIGHTS), LM_WEIGHTS, ROUNDED))
    return config


def flow_graphs(flow: Any, out: Path) -> FlowGraphConfig:
    """Both graphs of the flow, a DiT; gives what their loop needs to know."""
    # taken also where new voices are not adapted: those that come with the bundle, or that users keep, may be
    config, shape = flow.config, flow.adaptation_shape
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


def recogniser_graph(network: Any, out: Path) -> int:
    """The judge's recogniser; gives how many tokens it reads at once."""
    size = min(20, network.longest)  # of the example, which has to fit the table of positions
    given = {
        "tokens": torch.zeros(2, size, dtype=torch.long),
        "positions": torch.arange(size),
        "mask": torch.ones(2, size, dtype=torch.bool),
    }
    axes = {"tokens": {0: "rows", 1: "tokens"}, "positions": {0: "tokens"}, "mask": {0: "rows", 1: "tokens"}}
    trace(graphs.RecogniserGraph(network), given, axes, out / "recogniser.onnx")
    return int(network.longest)


def tokenizer_graph(network: Any, out: Path) -> int:
    """The speech tokenizer; gives the mel bins that it takes."""
    bins, axes = network.config.num_mel_bins, {"features": {2: "frames"}}
    # an example of whole tokens, which has to fit the table of positions; two features are one of these
    pooling = network.config.pooling
    frames = pooling * max(1, min(100, network.config.max_positions) // pooling)
    trace(
        graphs.SpeechTokenizerGraph(network), {"features": (1, bins, 2 * frames)}, axes, out / "speech_tokenizer.onnx"
    )
    return int(bins)


def speaker_graph(network: Any, out: Path) -> None:
    """The speaker encoder, by which recordings are cloned."""
    trace(network, {"fbank": (1, 350, network.config.n_mels)}, {"fbank": {1: "frames"}}, out / "speaker.onnx")


def trace(network: nn.Module, given: dict[str, Any], axes: dict[str, dict[int, str]], path: Path) -> None:
    """Write a network as a graph; inputs are tensors, or shapes of normal ones.

    Raises:
        BundleError: it does what ONNX has no operator for, as a plug-in's may.
    """
    inputs = tuple(torch.randn(*value) if isinstance(value, tuple) else value for value in given.values())
    try:
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
    except (OSError, MemoryError):  # the disk's and the machine's, which say themselves what is wrong
        raise
    except Exception as error:
        reason = failure_of(error).rstrip(".")
        raise BundleError(f"{path.stem} cannot be exported: {reason}. Speak this bundle with PyTorch.") from error


def _describe(bundle: Bundle, out: Path, **stages: Any) -> None:
    """Copy texts and voices, and write the description with the hash of every file."""
    own = bundle.config
    for name in TEXT_FILES:
        # by the hash where there is one: what was damaged must not be given a new one
        known = own.text_files.get(name)
        shutil.copyfile(bundle.folder / name if known is None else bundle.path(name, known), out / name)
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
    (out / EXPORTED_FILE).write_text(json.dumps(config.model_dump(), ensure_ascii=False, indent=1), encoding="utf-8")
