"""Every exported stage gives what PyTorch's gives."""

from pathlib import Path

import numpy as np
import pytest
import torch

from glmtts.audio.mel import WhisperFeatures
from glmtts.bundle import Bundle
from glmtts.errors import BundleError
from glmtts.flow.streaming import block_causal_mask
from glmtts.lm import rows
from glmtts.lm.request import Request, SamplingConfig
from glmtts.onnx.bundle import OnnxBundle
from glmtts.onnx.export import language_model, vocoder_graphs
from glmtts.onnx.features import whisper_features
from glmtts.onnx.stages import OnnxLanguageModel
from glmtts.onnx.stft import STFT
from glmtts.onnx.vocoder import HarmonicVocoder, SpectrumVocoder
from glmtts.ort.decoder import Decoder, Embedding
from glmtts.ort.runtime import session
from glmtts.ort.tensors import stored
from glmtts.stages import Solver
from glmtts.synthesis.conditions import flow_conditions
from glmtts.synthesis.voice import Voice
from glmtts.vocoder.harmonic import HarmonicVocos, HarmonicVocosConfig
from glmtts.vocoder.vocos import Vocos, VocosConfig
from tests.tiny import CODES

SOLVER = Solver(steps=3, guidance=0.7, t_start=0.2, temperature=0.8)


@pytest.fixture
def bundle(tiny_folder: Path) -> Bundle:
    return Bundle.open(tiny_folder)


def close(found: np.ndarray, wanted: torch.Tensor) -> None:
    """Equal within 1e-4 of the largest value."""
    np.testing.assert_allclose(found, wanted.numpy(), rtol=0, atol=1e-4 * max(1.0, float(wanted.abs().max())))


def test_the_language_model_decodes_alike(bundle: Bundle, exported: OnnxBundle) -> None:
    layout, prompt = bundle.audio_tokens, [5, 6, 7, 8]
    states = bundle.lm.new_state(layout), exported.lm.new_state(layout)
    close(exported.lm.prefill(states[1], prompt, 2), bundle.lm.prefill(states[0], prompt, 2))
    close(exported.lm.step(states[1], [3, 4]), bundle.lm.step(states[0], [3, 4]))
    close(exported.lm.prefill(states[1], [9, 9], 1), bundle.lm.prefill(states[0], [9, 9], 1))
    for model, state in zip((bundle.lm, exported.lm), states, strict=True):
        model.reorder(state, [2, 0, 0])
    close(exported.lm.step(states[1], [1, 2, 3]), bundle.lm.step(states[0], [1, 2, 3]))


def test_a_language_model_is_packed_on_the_way(bundle: Bundle, tmp_path: Path) -> None:
    config = language_model(bundle, tmp_path, 8)
    file = tmp_path / "lm.safetensors"
    one = session((tmp_path / "lm.onnx").read_bytes(), 1, tmp_path)
    model = OnnxLanguageModel(Decoder(one, config, Embedding(file, stored(file))), config.max_positions)
    layout, whole = bundle.audio_tokens, bundle.lm
    state, own = whole.new_state(layout), model.new_state(layout)
    wanted, found = whole.prefill(state, [5, 6, 7], 1)[0].numpy(), model.prefill(own, [5, 6, 7], 1)[0]
    assert np.corrcoef(wanted, found)[0, 1] > 0.99 and (wanted != found).any()


@pytest.mark.parametrize("show_prompt", [True, False])
def test_the_flow_gives_the_same_mel(bundle: Bundle, exported: OnnxBundle, show_prompt: bool) -> None:
    tokens = [number % CODES for number in range(3, 14)]
    voice, own = Voice.load(bundle.folder / "voices" / "tone.safetensors"), exported.voice("tone")
    whole = np.concatenate([own.prompt(show_prompt)[0], tokens])
    noise = exported.noise(4, 2 * len(whole))
    mel, _ = exported.flow.sample(own, whole, noise, SOLVER, show_prompt)
    conditions = flow_conditions(bundle, [voice], [tokens], show_prompt)
    wanted, _ = bundle.flow.sample(conditions, torch.from_numpy(noise)[None], SOLVER)
    close(mel, wanted[0])


def test_a_streamed_chunk_goes_on_alike(bundle: Bundle, exported: OnnxBundle) -> None:
    """The second chunk takes the frames of the first from its state, at every step."""
    tokens = [number % CODES for number in range(2, 16)]
    voice, own = Voice.load(bundle.folder / "voices" / "tone.safetensors"), exported.voice("tone")
    noise = exported.noise(4, 2 * len(tokens))
    state, steps = None, None
    for count, blocks in ((8, [8]), (14, [8, 12])):
        mask = block_causal_mask(blocks, 2 * count)
        conditions, part = flow_conditions(bundle, [voice], [tokens[:count]], False), noise[: 2 * count]
        before = None if state is None else (state, 8)
        wanted, state = bundle.flow.sample(conditions, torch.from_numpy(part)[None], SOLVER, mask, before)
        kept = None if steps is None else (steps, 8)
        mel, steps = exported.flow.sample(own, np.array(tokens[:count]), part, SOLVER, False, mask.numpy(), kept)
        close(mel, wanted[0])


def test_the_vocoder_gives_the_same_samples(bundle: Bundle, exported: OnnxBundle) -> None:
    mel = torch.randn(80, 37, generator=torch.Generator().manual_seed(0)) - 5
    with torch.inference_mode():
        close(exported.vocoder(mel.numpy()), bundle.vocoder(mel[None])[0])


def test_a_vocoder_of_finer_frames_is_exported_too(tmp_path: Path) -> None:
    vocoder = Vocos(VocosConfig(width=16, layers=2)).eval()
    istft = vocoder_graphs(vocoder, tmp_path)
    stft = STFT(istft.n_fft, istft.hop_length)
    exported = SpectrumVocoder(session(tmp_path / "vocoder.onnx", 1), stft, vocoder.look_ahead)
    mel = torch.randn(80, 33, generator=torch.Generator().manual_seed(0)) - 5
    with torch.inference_mode():
        close(exported(mel.numpy()), vocoder(mel[None])[0])
        close(exported.samples_from(mel.numpy(), 20), vocoder(mel[None])[0, 20 * 480 :])
    with pytest.raises(BundleError, match="gives no spectrum"):
        vocoder_graphs(torch.nn.Linear(2, 2), tmp_path)


def test_a_vocoder_with_a_source_is_exported_too(tmp_path: Path) -> None:
    sizes = {"width": 16, "layers": 1, "fine_width": 8, "fine_layers": 1, "pitch_width": 8, "pitch_layers": 2}
    vocoder = HarmonicVocos(HarmonicVocosConfig.parse(sizes)).eval()
    torch.nn.init.normal_(vocoder.head.weight, std=0.3)
    istft = vocoder_graphs(vocoder, tmp_path)
    pitch, filters = (session(tmp_path / f"{name}.onnx", 1) for name in ("vocoder_pitch", "vocoder"))
    assert istft.source
    stft = STFT(istft.n_fft, istft.hop_length)
    exported = HarmonicVocoder(pitch, filters, stft, vocoder.look_ahead, 480, 24000)
    mel = 2 * torch.randn(80, 70, generator=torch.Generator().manual_seed(0)) - 5
    with torch.inference_mode():
        wanted = vocoder(mel[None])[0]
        streamed = vocoder.samples_from(mel[None], 40)[0]
    found = exported(mel.numpy())
    # F0 in single precision by two libraries: its phase, times the number of a harmonic, may be apart a little
    assert np.abs(found - wanted.numpy()).max() < 1e-2 * float(wanted.abs().max())
    assert np.corrcoef(found, wanted.numpy())[0, 1] > 0.99999
    assert np.corrcoef(exported.samples_from(mel.numpy(), 40), streamed.numpy())[0, 1] > 0.99999


def test_the_recogniser_reads_alike(bundle: Bundle, exported: OnnxBundle) -> None:
    tokens = torch.randint(0, CODES, (2, 11), generator=torch.Generator().manual_seed(1))
    lengths = torch.tensor([11, 7])
    assert bundle.recogniser is not None and exported.recogniser is not None
    close(exported.recogniser.log_probs(tokens.numpy(), 3), bundle.recogniser.log_probs(tokens, 3))
    masked = exported.recogniser.log_probs(tokens.numpy(), 0, lengths.numpy())
    close(masked[1, :7], bundle.recogniser.log_probs(tokens, 0, lengths)[1, :7])


def test_the_tokenizer_hears_the_same_tokens(bundle: Bundle, exported: OnnxBundle) -> None:
    samples = 0.1 * torch.randn(16000 * 2 + 77, generator=torch.Generator().manual_seed(2))
    features = WhisperFeatures(80)(samples[None])[0]
    close(whisper_features(samples.numpy(), 80), features)
    assert exported.speech_tokenizer is not None
    found, wanted = exported.speech_tokenizer.tokenize(samples.numpy()), bundle.speech_tokenizer.tokenize(samples)
    assert np.mean(found == wanted.numpy()) > 0.97, "but where two codes are equally near"


def test_numpy_draws_from_the_same_nucleus() -> None:
    """Shares of many draws are the probabilities of the nucleus; a token that would repeat is drawn from all."""
    logits = np.log(np.array([[0.5, 0.3, 0.15, 0.05]], np.float32))
    sampling = SamplingConfig(top_p=0.7, top_k=3, temperature=1.0, repetition_threshold=9.0)

    def shares(count: int, **changes: object) -> np.ndarray:
        request = Request([], sampling.model_copy(update=changes), 1, rows.generator(None, 0), tokens=[0] * 10)
        drawn = [rows.draw(logits.copy(), [request], [])[0] for _ in range(count)]
        return np.bincount(drawn, minlength=4) / count

    np.testing.assert_allclose(shares(4000), [0.625, 0.375, 0, 0], atol=0.03)
    np.testing.assert_allclose(shares(4000, repetition_threshold=0.5, top_k=1), [0.5, 0.3, 0.15, 0.05], atol=0.03)
    assert shares(10, temperature=0.0).tolist() == [1, 0, 0, 0]
    assert rows.draw(np.array([[0.0, 9.0]], np.float32), [Request([], sampling, 1, rows.generator(None, 0))], [0]) == [
        0
    ]
