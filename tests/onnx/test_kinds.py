"""Every kind of stage that the package can make is exported, or refused in one sentence before anything is written."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from glmtts.audio.geometry import MelConfig
from glmtts.errors import BundleError
from glmtts.flow.dit import DiT, FlowConfig
from glmtts.judging.recogniser import TokenRecogniser
from glmtts.onnx.export import export, flow_graphs, recogniser_graph, speaker_graph, tokenizer_graph, vocoder_graphs
from glmtts.onnx.flow import OnnxFlow
from glmtts.onnx.stages import OnnxRecogniser, OnnxSpeechTokenizer
from glmtts.onnx.stft import STFT
from glmtts.onnx.vocoder import HarmonicVocoder, SpectrumVocoder
from glmtts.onnx.voice import NumpyVoice
from glmtts.ort.runtime import session
from glmtts.speaker.campplus import CampPlus, CampPlusConfig
from glmtts.speech_tokenizer.model import SpeechTokenizer, SpeechTokenizerConfig
from glmtts.stages import Conditions, Solver
from glmtts.vocoder.harmonic import HarmonicVocos, HarmonicVocosConfig
from glmtts.vocoder.vocos2d import Vocos2D, Vocos2DConfig
from tests.tiny import CODES

SIZES = {"d_model": 16, "heads": 2, "ffn": 16, "layers_before": 1, "codes": CODES, "code_width": 4}


def test_a_recogniser_of_short_blocks_reads_as_pytorch_does(tmp_path: Path) -> None:
    """Blocks of eight frames are four tokens, and the table holds fewer tokens than an example usually has."""
    network = TokenRecogniser(SpeechTokenizerConfig(**SIZES, block_frames=8, max_positions=28)).eval()
    assert recogniser_graph(network, tmp_path) == network.longest == 14
    recogniser = OnnxRecogniser(session(tmp_path / "recogniser.onnx", 1), network.longest)
    tokens = torch.randint(0, CODES, (2, 11), generator=torch.Generator().manual_seed(1))
    np.testing.assert_allclose(recogniser.log_probs(tokens.numpy()), network.log_probs(tokens), atol=1e-4)


@pytest.mark.parametrize("pooling", [1, 3, 4])
def test_a_tokenizer_of_any_rate_hears_the_same_tokens(tmp_path: Path, pooling: int) -> None:
    network = SpeechTokenizer(SpeechTokenizerConfig(**SIZES, pooling=pooling, max_positions=40)).eval()
    bins = tokenizer_graph(network, tmp_path)
    hears = OnnxSpeechTokenizer(session(tmp_path / "speech_tokenizer.onnx", 1), bins, 320 * pooling)
    samples = 0.1 * torch.randn(11000, generator=torch.Generator().manual_seed(2))
    found, wanted = hears.tokenize(samples.numpy()), network.tokenize(samples)
    assert len(found) == len(wanted) and np.mean(found == wanted.numpy()) > 0.8, "but where two codes are equally near"


def test_a_speaker_encoder_takes_its_own_number_of_filters(tmp_path: Path) -> None:
    network = CampPlus(CampPlusConfig(n_mels=40, layers=(1, 1, 1), head_channels=4, channels=16, bottleneck=8)).eval()
    speaker_graph(network, tmp_path)
    fbank = torch.randn(1, 120, 40)
    with torch.inference_mode():
        wanted = network(fbank)
    found = session(tmp_path / "speaker.onnx", 1).run(None, {"fbank": fbank.numpy()})[0]
    np.testing.assert_allclose(found, wanted, atol=1e-4 * float(wanted.abs().max()))


@pytest.mark.parametrize(
    ("prior_width", "pitch_width", "adapted"), [(None, None, False), (8, None, False), (8, 4, True), (8, 4, False)]
)
def test_flows_with_and_without_a_prior(
    tmp_path: Path, prior_width: int | None, pitch_width: int | None, adapted: bool
) -> None:
    """The adaptation that a voice brings is used, also where new voices get none."""
    sizes: dict[str, Any] = {"token_width": 8, "token_blocks": 1, "width": 16, "blocks": 1, "heads": 2}
    flow = DiT(FlowConfig(vocabulary=CODES, prior_width=prior_width, pitch_width=pitch_width, speaker_width=6, **sizes))
    for parameter in flow.eval().parameters():  # gates begin at 0, and would hide what they let through
        torch.nn.init.normal_(parameter, std=0.1)
    exported = flow_graphs(flow, tmp_path)
    inputs, velocity = (session(tmp_path / f"flow_{name}.onnx", 1) for name in ("inputs", "velocity"))
    shape = flow.adaptation_shape
    added = torch.randn(shape) if adapted and shape is not None else None
    tokens, speaker, noise = torch.randint(0, CODES, (7,)), torch.randn(6), torch.randn(14, 80)
    voice = NumpyVoice(
        "", np.zeros(0, np.int64), np.zeros((80, 0), np.float32), speaker.numpy(), 130.0,
        None if added is None else added.numpy(), {},
    )  # fmt: skip
    solver = Solver(steps=2, t_start=0.0 if prior_width is None else 0.2)
    found, _ = OnnxFlow(inputs, velocity, exported).sample(voice, tokens.numpy(), noise.numpy(), solver)
    prompt, f0 = torch.zeros(1, 80, 0), torch.tensor([130.0])
    conditions = Conditions(tokens[None], speaker[None], prompt, f0, None if added is None else added[None])
    wanted, _ = flow.sample(conditions, noise[None], solver)
    np.testing.assert_allclose(found, wanted[0], atol=1e-4 * float(wanted.abs().max()))


@pytest.mark.parametrize("change", [{"amplitude_prior": True}, {"bands": 7, "mel_shortcuts": False}])
def test_vocoders_of_every_form(tmp_path: Path, change: dict[str, Any]) -> None:
    sizes: dict[str, Any] = {"channels": 4, "layers": 1, "kernel": 3, "n_fft": 320, "hop_length": 80, "n_mels": 20}
    vocoder = Vocos2D(Vocos2DConfig.parse({"bands": 8, **sizes, **change})).eval()
    istft = vocoder_graphs(vocoder, tmp_path)
    exported = SpectrumVocoder(session(tmp_path / "vocoder.onnx", 1), STFT(istft.n_fft, istft.hop_length), 0)
    mel = torch.randn(20, 9) - 5
    with torch.inference_mode():
        wanted = vocoder(mel[None])[0]
    np.testing.assert_allclose(exported(mel.numpy()), wanted, atol=1e-4 * float(wanted.abs().max()))


def test_a_vocoder_with_a_source_at_an_odd_hop(tmp_path: Path) -> None:
    """As at 22,050 Hz, where a frame of 20 ms has 441 samples."""
    sizes = {"width": 8, "layers": 1, "fine_width": 8, "fine_layers": 1, "pitch_width": 8, "pitch_layers": 1}
    config = {**sizes, "sample_rate": 22050, "n_fft": 1763, "hop_length": 441, "finer": 3, "n_mels": 20}
    vocoder = HarmonicVocos(HarmonicVocosConfig.parse(config)).eval()
    istft = vocoder_graphs(vocoder, tmp_path)
    pitch, filters = (session(tmp_path / f"{name}.onnx", 1) for name in ("vocoder_pitch", "vocoder"))
    stft = STFT(istft.n_fft, istft.hop_length)
    exported = HarmonicVocoder(pitch, filters, stft, vocoder.look_ahead, 441, 22050)
    mel = torch.randn(20, 5) - 5
    with torch.inference_mode():
        wanted = vocoder(mel[None])[0].numpy()
    assert len(wanted) == 5 * 441
    np.testing.assert_allclose(exported(mel.numpy()), wanted, atol=1e-2 * float(np.abs(wanted).max()))


class Untraceable(torch.nn.Module):
    """As a plug-in may be: ONNX has no Bessel function."""

    mel = MelConfig(n_mels=20)

    def spectrum(self, mel_BMT: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        return torch.special.bessel_j0(mel_BMT), mel_BMT


def test_a_network_that_cannot_be_traced_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(
        BundleError, match=r"^vocoder cannot be exported: .*bessel.*[^.]\. Speak this bundle with PyTor"
    ):
        vocoder_graphs(Untraceable(), tmp_path)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (
            lambda values: values["modules"]["token_recogniser"].update(architecture="whisper_vq"),
            "The token_recogniser of 'tiny' is a whisper_vq, which cannot be exported",
        ),
        (
            lambda values: values["modules"]["vocoder"].update(
                architecture="vocos2d_torchscript", config={"sample_rate": 24000, "n_fft": 1920, "hop_length": 480}
            ),
            "The vocoder of 'tiny' is a vocos2d_torchscript, which cannot be exported",
        ),
        (lambda values: values["synthesis"].update(steps=0), "steps"),
    ],
)
def test_what_cannot_be_exported_is_told_at_once(
    tiny_folder: Path, tmp_path: Path, change: Callable[[dict[str, Any]], object], said: str
) -> None:
    source = Path(shutil.copytree(tiny_folder, tmp_path / "source"))
    values = json.loads((source / "bundle.json").read_text(encoding="utf-8"))
    change(values)
    (source / "bundle.json").write_text(json.dumps(values), encoding="utf-8")
    with pytest.raises(BundleError, match=said):
        export(source, tmp_path / "out")
    assert not (tmp_path / "out").exists()
