"""A bundle of tiny random models: real classes, real files, no sense in what it speaks."""

from pathlib import Path

import torch

from glmtts.bundle import TOKENIZER_FILES, Bundle, save_config, save_module
from glmtts.bundle_config import BundleConfig, VoiceEntry
from glmtts.flow.dit import DiT, FlowConfig
from glmtts.judging.recogniser import TokenRecogniser
from glmtts.lm.model import Llama, LMConfig
from glmtts.lm.request import SamplingConfig
from glmtts.speaker.campplus import CampPlus, CampPlusConfig
from glmtts.speech_tokenizer.model import SpeechTokenizer, SpeechTokenizerConfig
from glmtts.synthesis.settings import SynthesisDefaults
from glmtts.synthesis.voice import voice_of
from glmtts.text.frontend import TextConfig
from glmtts.text.tokenizer import TextTokenizer, mini_tokenizer
from glmtts.vocoder.vocos2d import Vocos2D, Vocos2DConfig
from glmtts.weights import digest_of

CODES = 16
TINY_VOCODER = Vocos2DConfig(channels=4, layers=1, bands=60, kernel=3)
SAMPLING = SamplingConfig(min_ratio=0.5, max_ratio=1.5)
KINDS = {
    "lm": "llama",
    "flow": "dit",
    "vocoder": "vocos2d",
    "speaker": "campplus",
    "speech_tokenizer": "whisper_vq",
    "token_recogniser": "token_recogniser",
}


def tiny_tokenizer() -> TextTokenizer:
    return mini_tokenizer({bytes([byte]): byte for byte in range(256)}, CODES)


def tiny_lm(vocab_size: int = 600) -> Llama:
    config = LMConfig(vocab_size=vocab_size, hidden_size=32, num_layers=2, num_heads=2, num_kv_heads=1, head_dim=16)
    model = Llama(config)
    model.reset_parameters()
    return model


def tiny_flow() -> DiT:
    sizes = {"token_width": 16, "token_blocks": 1, "width": 32, "blocks": 2, "heads": 2}
    model = DiT(FlowConfig(vocabulary=CODES, prior_width=16, pitch_width=8, **sizes))
    torch.nn.init.normal_(model.proj_out.weight, std=0.1)
    return model


def tiny_speech_tokenizer() -> SpeechTokenizer:
    return SpeechTokenizer(
        SpeechTokenizerConfig(
            d_model=32, heads=2, ffn=64, layers_before=2, codes=CODES, code_width=8, max_positions=1500
        )
    )


def tiny_bundle(folder: Path) -> Path:
    """Write the bundle with one voice, `tone`."""
    (folder / "voices").mkdir(parents=True)
    tokenizer = tiny_tokenizer()
    tokenizer.save(folder)
    tokenizer_model = tiny_speech_tokenizer()
    vocoder = Vocos2D(TINY_VOCODER)
    speaker = CampPlus(CampPlusConfig(layers=(1, 1, 1)))
    models = {
        "lm": tiny_lm(tokenizer.size),
        "flow": tiny_flow(),
        "vocoder": vocoder,
        "speaker": speaker,
        "speech_tokenizer": tokenizer_model,
        "token_recogniser": TokenRecogniser(tokenizer_model.config),
    }
    config = BundleConfig(
        name="tiny",
        description="random weights",
        licence="Apache-2.0",
        sample_rate=24000,
        modules={name: save_module(folder, name, KINDS[name], model, model.config) for name, model in models.items()},
        text=TextConfig(),
        text_files={name: digest_of(folder / name) for name in TOKENIZER_FILES},
        voices={},
        synthesis=SynthesisDefaults(voice="tone", steps=2, candidates=3, sampling=SAMPLING).model_dump(mode="json"),
    )
    seconds = torch.arange(36000) / 24000
    voice = voice_of(Bundle(folder, config, torch.device("cpu")), 0.3 * torch.sin(1200 * seconds), "A tone.")
    voice.save(folder / "voices" / "tone.safetensors")
    digest = digest_of(folder / "voices" / "tone.safetensors")
    entry = VoiceEntry(file="voices/tone.safetensors", sha256=digest, description="a sine")
    save_config(folder, config.model_copy(update={"voices": {"tone": entry}}))
    return folder
