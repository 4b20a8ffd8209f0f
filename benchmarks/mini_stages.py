"""Where the errors of `mini` come from: the teacher's own recordings, sent through more and more of its stages.

    python benchmarks/mini_stages.py --corpus CORPUS --whisper whisper-base --lines 24

Each held-out recording is heard as it is, as mel → vocoder, and as tokens → flow → vocoder with its own speaker
embedding, neither prompt nor adaptation. What the language model adds is the distance from the last column to
mini_quality.json.
"""

import argparse
from pathlib import Path

import torch
from faster_whisper import WhisperModel
from mini_quality import error_rates, transcribe
from report import environment, write_result
from tqdm import tqdm

import glmtts
from glmtts.audio.io import load_audio
from glmtts.audio.resample import resample
from glmtts.stages import Conditions
from glmtts.synthesis.voice import Voice, voice_of


def through_vocoder(tts: glmtts.Synthesizer, voice: Voice) -> torch.Tensor:
    """Samples (T,) of the recording's own mel."""
    return tts.bundle.vocoder(voice.mel[None])[0]


def through_flow(tts: glmtts.Synthesizer, voice: Voice) -> torch.Tensor:
    """Samples (T,) of the recording's own tokens."""
    clock, generator = tts.bundle.clock, torch.Generator().manual_seed(0)
    noise = torch.randn(1, clock.frames_per_token * len(voice.tokens), clock.mel.n_mels, generator=generator)
    conditions = Conditions(voice.tokens[None], voice.embedding[None], voice.mel[None, :, :0], voice.f0[None])
    mel, _ = tts.bundle.flow.sample(conditions, noise, tts.defaults.solver)
    return tts.bundle.vocoder(mel)[0]


@torch.inference_mode()
def measure(tts: glmtts.Synthesizer, asr: WhisperModel, corpus: Path, lang: str, lines: int) -> dict:
    """Error rates after each stage."""
    texts = (corpus / f"heldout_{lang}.txt").read_text(encoding="utf-8").splitlines()[:lines]
    rate = tts.bundle.config.sample_rate
    heard: dict[str, list[str]] = {"teacher": [], "vocoder": [], "tokens_flow_vocoder": []}
    for number in tqdm(range(len(texts)), desc=lang):
        samples = load_audio(corpus / f"heldout_teacher_{lang}" / f"heldout_teacher_{lang}_{number:05d}.opus", rate)
        voice = voice_of(tts.bundle, samples, texts[number])
        versions = (samples, through_vocoder(tts, voice), through_flow(tts, voice))
        for kept, wave in zip(heard.values(), versions, strict=True):
            kept.append(transcribe(asr, resample(wave, rate, 16000).numpy(), lang))
    return {stage: error_rates(lang, lines_heard, texts) for stage, lines_heard in heard.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--corpus", type=Path, required=True)
    parser.add_argument("--whisper", type=Path, required=True, help="folder of a CTranslate2 Whisper-base")
    parser.add_argument("--lines", type=int, default=24, help="lines a language")
    parser.add_argument("--model", type=Path, help="a bundle; the embedded one by default")
    arguments = parser.parse_args()
    tts = glmtts.load(arguments.model)
    asr = WhisperModel(str(arguments.whisper), compute_type="float32")
    result = {**environment(), "model": tts.bundle.config.name, "lines": arguments.lines}
    for lang in ("en", "zh"):
        result[lang] = measure(tts, asr, arguments.corpus, lang, arguments.lines)
    write_result("mini_stages", result)


if __name__ == "__main__":
    main()
