"""Gather the trained stages into the bundle `mini`.

python recipes/mini/export.py --work WORK --corpus CORPUS --out src/glmtts/models/mini
"""

from argparse import ArgumentParser, Namespace
from collections.abc import Mapping, Sequence
from pathlib import Path

import torch
from models import load_tokenizer
from torch import nn

from glmtts import durable
from glmtts.audio.io import load_audio
from glmtts.bundle import TOKENIZER_FILES, Bundle, save_config, save_module
from glmtts.bundle_config import BundleConfig, ModuleEntry, VoiceEntry
from glmtts.errors import BundleError, DataError
from glmtts.judging.resampling import ResamplingConfig
from glmtts.lm.request import SamplingConfig
from glmtts.programs import a_folder, folder_to_fill, parser_of, read_index, recording, run_program
from glmtts.synthesis.settings import Draft, SynthesisDefaults
from glmtts.synthesis.voice import voice_of
from glmtts.text.frontend import TextConfig
from glmtts.text.tokenizer import TextTokenizer
from glmtts.training.weights import is_run, trained_model
from glmtts.vocoder.harmonic import HarmonicVocos
from glmtts.vocoder.vocos import Vocos
from glmtts.vocoder.vocos2d import Vocos2D
from glmtts.weights import digest_of
from speaker import SPEAKER, load_speaker

VOICES = {
    "xiaoxiao": ("zh_daily", "zf_xiaoxiao", "Mandarin, female, bright"),
    "xiaoyi": ("zh_daily", "zf_xiaoyi", "Mandarin, female, young"),
    "yunjian": ("zh_daily", "zm_yunjian", "Mandarin, male, deep"),
    "yunxi": ("zh_daily", "zm_yunxi", "Mandarin, male, light"),
    "heart": ("en", "af_heart", "English, female, warm"),
    "bella": ("en", "af_bella", "English, female, lively"),
    "michael": ("en", "am_michael", "English, male, calm"),
    "george": ("en", "bm_george", "British English, male"),
}
MODULES = {
    "speech_tokenizer": "whisper_vq",
    "token_recogniser": "token_recogniser",
    "speaker": "campplus",
    "lm": "llama",
    "flow": "dit",
}
VOCODERS = {HarmonicVocos: "vocos_harmonic", Vocos: "vocos", Vocos2D: "vocos2d"}
RUNS = {"vocoder": ("harmonic_people", "harmonic", "vocoder")}  # the first of them that there is
SAMPLING = SamplingConfig(
    temperature=0.5, repetition_threshold=0.4, min_ratio=0.8, max_ratio=6.0, min_tokens=4, extra_tokens=12
)
# of 99 English lines the best of two costs at most 0.3 nats in four of five; of Mandarin the recogniser is surer
DRAFTS = (
    Draft(candidates=2, max_nll=0.15, languages=("zh",)),
    Draft(candidates=2, max_nll=0.3, languages=("en",)),
    Draft(candidates=2, max_nll=0.8, languages=("en",)),
    Draft(candidates=4, max_nll=0.8, languages=("zh",)),
)
DESCRIPTION = "Mandarin and English, 24 kHz, trained from scratch by recipes/mini on a few hours of speech."
LICENCE = "Apache-2.0"


def trained(work: Path) -> dict[str, nn.Module]:
    """Every module: what its run in `work` trained, or that of the embedded bundle where there is no run."""
    modules = {}
    for name in ("lm", "flow", "vocoder"):
        runs = [work / run for run in RUNS.get(name, (name,)) if is_run(work / run)]
        modules |= {name: trained_model(runs[0])} if runs else {}
    if is_run(work / "speech_tokenizer"):
        tokenizer, recogniser, _ = load_tokenizer(str(work / "speech_tokenizer"))
        modules |= {"speech_tokenizer": tokenizer, "token_recogniser": recogniser}
    if (work / SPEAKER).exists():
        modules["speaker"] = load_speaker(work / SPEAKER)
    return modules | {name: Bundle.open().network(name) for name in (*MODULES, "vocoder") if name not in modules}


def save_modules(work: Path, out: Path, in_bytes: Sequence[str]) -> dict[str, ModuleEntry]:
    """Write every module, the matrices of some in eight bits a weight; gives their entries."""
    return {
        name: save_module(out, name, kind_of(name, one), one, one.config, name in in_bytes)
        for name, one in trained(work).items()
    }


def kind_of(name: str, module: nn.Module) -> str:
    """The architecture of a stage, as bundles name it."""
    return VOCODERS[type(module)] if name == "vocoder" else MODULES[name]


def pick(corpus: Path, speaker: str) -> tuple[Path, str]:
    """A recording of the speaker between three and five seconds long, with what is said in it."""
    for record in read_index(corpus):
        if record["speaker"] == speaker and 3 <= record["seconds"] <= 5:
            return recording(corpus, record), record["text"]
    raise DataError(f"{corpus} has no recording of {speaker} of 3 to 5 seconds. Give the corpora of the voices.")


def add_bytes(parser: ArgumentParser) -> None:
    """Add the argument `--bytes`."""
    parser.add_argument(
        "--bytes",
        nargs="*",
        default=(),
        choices=(*MODULES, "vocoder"),
        metavar="MODULE",
        help="modules whose matrices take eight bits a weight",
    )


def main(arguments: Sequence[str] | None = None) -> None:
    parser = parser_of(__doc__)
    parser.add_argument("--work", type=a_folder, required=True, help="holds the trained stages")
    parser.add_argument("--corpus", type=a_folder, required=True, help="holds the corpora of the voices")
    parser.add_argument("--out", type=folder_to_fill, required=True)
    add_bytes(parser)
    chosen = parser.parse_args(arguments)
    prompts = {name: pick(chosen.corpus / corpus, speaker) for name, (corpus, speaker, _) in VOICES.items()}
    # aside and whole: what is exported may read the bundle that it takes the place of
    with durable.writable(chosen.out, BundleError, "Give another --out."), durable.new_folder(chosen.out) as made:
        write_bundle(chosen, made, prompts)


def write_bundle(chosen: Namespace, out: Path, prompts: Mapping[str, tuple[Path, str]]) -> None:
    """Write modules, text and voices into a new folder, and the description."""
    (out / "voices").mkdir()
    TextTokenizer.load(chosen.work / "text").save(out)
    config = BundleConfig(
        name="mini",
        description=DESCRIPTION,
        licence=LICENCE,
        sample_rate=24000,
        modules=save_modules(chosen.work, out, chosen.bytes),
        text=TextConfig(phoneme_in="all"),
        text_files={name: digest_of(out / name) for name in TOKENIZER_FILES},
        voices={},
        synthesis=SynthesisDefaults(
            voice="heart",
            continue_prompt=False,
            candidates=8,
            drafts=DRAFTS,
            max_nll=1.5,
            resampling=ResamplingConfig(keep=4),
            language_runs=True,
            audio_best_of=2,
            max_audio_nll=0.5,
            stream_candidates=4,
            sampling=SAMPLING,
            steps=2,
            guidance=0.0,
            t_start=0.7,
            flow_temperature=0.4,
            blocks=(10, 12, 15, 24, 48, 96, 120),
            adaptation_steps=100,
            show_prompt=False,
        ).model_dump(mode="json"),
    )
    bundle, entries = Bundle(out, config, torch.device("cpu")), {}
    for name, (path, text) in prompts.items():
        file = out / "voices" / f"{name}.safetensors"
        voice_of(bundle, load_audio(path, config.sample_rate), text).save(file)  # the flow has learnt it
        entries[name] = VoiceEntry(
            file=f"voices/{name}.safetensors", sha256=digest_of(file), description=VOICES[name][2]
        )
    save_config(out, config.model_copy(update={"voices": entries}))


if __name__ == "__main__":
    run_program(main)
