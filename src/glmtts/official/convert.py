"""A release to a bundle: one tensor in memory at a time but for the vocoder, atomic, and resumed where it stopped."""

import hashlib
import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Literal

import torch
from tqdm import tqdm

from glmtts import durable
from glmtts.bundle import TOKENIZER_FILES, save_config
from glmtts.bundle_config import BundleConfig, ModuleEntry
from glmtts.errors import ConfigError, ReleaseError
from glmtts.official import parts, text
from glmtts.official.adapter import Part, adapted
from glmtts.official.release import SPEAKER_MODEL, VOCOS2D, Release
from glmtts.official.writer import write_safetensors
from glmtts.places import check_holds_weights, is_file, status
from glmtts.speaker.onnx import OnnxSpeakerConfig
from glmtts.stages import architecture
from glmtts.synthesis.settings import SynthesisDefaults
from glmtts.text.audio_tokens import AudioTokens
from glmtts.text.frontend import TextConfig
from glmtts.text.tokenizer import TextTokenizer
from glmtts.vocoder.torchscript import TorchScriptVocoderConfig, is_archive
from glmtts.weights import digest_of

Vocoder = Literal["hift", "vocos2d"]
SPEAKER_KIND, VOCOS2D_KIND = "campplus_onnx", "vocos2d_torchscript"  # of the modules that are copied
JOURNAL, LOCK = "converted.json", ".lock"
CURE = "Free some space or choose another folder, and run the command again; what is done is kept."
HISTORY_TOKENS = 750  # the release's bound on prompt, earlier pieces and speech: 30 seconds
READERS: dict[str, Callable[[Release], Part]] = {
    "lm": parts.language_model,
    "speech_tokenizer": parts.speech_tokenizer,
    "flow": parts.flow,
}


def convert(
    folder: Path,
    out: Path,
    code: Path | None = None,
    vocoder: Vocoder = "hift",
    dtype: torch.dtype = torch.float32,
    allow_program: bool = False,
) -> Path:
    """Convert the release in `folder` to the bundle `out`; gives `out`.

    Work goes on in `out` + ".part", whose finished modules a later call keeps; it is renamed when all is there. The
    vocoder vocos2d is a program, and is copied without being run; with `allow_program` it is tried.

    Raises:
        ReleaseError: the release is incomplete, damaged or another model, `out` exists or cannot be written, another
            process converts into it, or a weight is too large for `dtype`.
        BundleError: the program, which was allowed, does not run.
    """
    check_holds_weights(out, ReleaseError)
    if status(out, ReleaseError) is not None:
        raise ReleaseError(f"{out} exists. Choose another folder, or delete it first.")
    release = Release.open(folder, code)
    # the 32 kHz vocoder is a program, and is copied
    readers = READERS if vocoder == "vocos2d" else {**READERS, "vocoder": parts.hift}
    wanted = {room: reader(release) for room, reader in readers.items()}
    # every key of every module is looked at before the first gigabyte is written
    sources = {room: adapted(part) for room, part in wanted.items()}
    tokenizer = text.tokenizer(release)
    _check_vocabulary(tokenizer, wanted)
    written = _Text(tokenizer, text.text_config(release), text.speaker_prompts(release, tokenizer.size))
    # beside `out`, since a rename does not cross disks
    work = out.with_name(f"{out.name}.part")
    taken = ReleaseError(f"Another process converts into {out}. Wait for it, or choose another folder.")
    with durable.writable(out, ReleaseError, CURE):
        work.mkdir(parents=True, exist_ok=True)
        with durable.alone(work / LOCK, taken):
            journal = _Journal(work / JOURNAL)
            modules = {}
            for room, part in tqdm(wanted.items(), desc="converting", unit="module"):
                write = partial(_write, part, sources[room], work, dtype)
                modules[room] = journal.entry(room, _fingerprint(part, dtype), write)
            modules |= _copied(release, work, vocoder, allow_program)
            _remove_leftovers(work, {entry.file for entry in modules.values()})
            _finish(work, written, modules)
        # let go of first: a bundle holds no lock, and Windows renames no folder with an open file
        (work / LOCK).unlink(missing_ok=True)
        durable.replace(work, out)
    return out


@dataclass(frozen=True)
class _Text:
    """The text side of a release, read before the first module is written."""

    tokenizer: TextTokenizer
    config: TextConfig
    speaker_prompts: dict[str, list[int]]


class _Journal:
    """Which modules are written already, and from what."""

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            done = json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError, RecursionError):  # there is none, or a power cut spoilt it: all is written again
            done = None
        self._done: dict[str, Any] = done if isinstance(done, dict) else {}

    def entry(self, room: str, fingerprint: str, write: Callable[[], ModuleEntry]) -> ModuleEntry:
        """The entry of a module, written now or by an earlier call from the same files."""
        if (known := self._known(room, fingerprint)) is not None:
            return known
        entry = write()
        self._done[room] = {"fingerprint": fingerprint, "entry": entry.model_dump()}
        durable.whole_text(self.path, json.dumps(self._done))
        return entry

    def _known(self, room: str, fingerprint: str) -> ModuleEntry | None:
        """What an earlier call noted of a module, where its file is still that one."""
        noted = self._done.get(room)
        if not isinstance(noted, dict) or noted.get("fingerprint") != fingerprint:
            return None
        try:
            entry = ModuleEntry.parse(noted.get("entry", {}))
        except ConfigError:
            return None
        file = self.path.parent / _file_of(room)
        # the file is read again: it may have been spoilt after it was noted
        whole = entry.file == file.name and file.is_file() and digest_of(file) == entry.sha256
        return entry if whole else None


def _file_of(room: str) -> str:
    """The name of a converted module's file."""
    return f"{room}.safetensors"


def _copy_of(source: str | Path, kind: str) -> str:
    """The name of a copied module's file."""
    return f"{kind}{Path(source).suffix}"


def _fingerprint(part: Part, dtype: torch.dtype) -> str:
    """Tells files apart by path, size and time, so that a resumed run need not read gigabytes to know them."""
    origin = Path(part.weights.origin)
    files = sorted(origin.glob("*.safetensors")) if origin.is_dir() else [origin]
    facts = [(str(file), file.stat().st_size, file.stat().st_mtime_ns) for file in files]
    # the configuration counts too: a later version may read other sizes from the same files
    return hashlib.sha256(json.dumps([facts, str(dtype), part.config.model_dump()]).encode()).hexdigest()


def _write(part: Part, sources: dict[str, str], work: Path, dtype: torch.dtype) -> ModuleEntry:
    shapes = part.weights.shapes()
    path = work / _file_of(part.room)
    bar = tqdm(total=len(sources), desc=part.room, unit="tensor", leave=False)

    def tensor(name: str) -> torch.Tensor:
        bar.update()
        released = part.weights.tensor(sources[name])
        value = released.to(dtype)
        if not value.isfinite().all():
            raise _not_finite(part, sources[name], released, dtype)
        return value

    write_safetensors(path, {name: shapes[released] for name, released in sources.items()}, tensor, dtype)
    bar.close()
    return ModuleEntry(
        architecture=part.architecture, file=path.name, sha256=digest_of(path), config=part.config.model_dump()
    )


def _not_finite(part: Part, name: str, released: torch.Tensor, dtype: torch.dtype) -> ReleaseError:
    """What to say of a weight that is no number as it is written: one alone, and the model gives no number at all."""
    where = f"{part.weights.origin}: {name} holds"
    if not released.isfinite().all():  # of damaged bits, or a weight norm of nothing
        return ReleaseError(f"{where} what is no number. Fetch it again.")
    largest, kind = released.abs().max().item(), str(dtype).removeprefix("torch.")
    wider = "bfloat16" if dtype == torch.float16 and largest < torch.finfo(torch.bfloat16).max else "float32"
    return ReleaseError(f"{where} {largest:g}, and {kind} has no number so large. Convert with --dtype {wider}.")


def _copied(release: Release, work: Path, vocoder: Vocoder, allow_program: bool) -> dict[str, ModuleEntry]:
    """Modules that stay the programs that they are."""
    speaker = OnnxSpeakerConfig().model_dump()
    modules = {"speaker": _copy(release.code / SPEAKER_MODEL, work, SPEAKER_KIND, speaker)}
    if vocoder == "vocos2d":
        config = TorchScriptVocoderConfig().model_dump()
        modules["vocoder"] = _copy(release.folder / VOCOS2D, work, VOCOS2D_KIND, config, allow_program)
    return modules


def _remove_leftovers(work: Path, listed: set[str]) -> None:
    """Remove what an earlier call wrote that is no part of this bundle: another vocoder, or the half of a file."""
    ours = {
        *map(_file_of, (*READERS, "vocoder")),
        _copy_of(SPEAKER_MODEL, SPEAKER_KIND),
        _copy_of(VOCOS2D, VOCOS2D_KIND),
    }
    # by name, not all that is there: a folder of this name may hold something of the user's
    for path in [*(work / name for name in ours - listed), *(durable.part_of(work / name) for name in ours)]:
        path.unlink(missing_ok=True)


def _finish(work: Path, written: _Text, modules: dict[str, ModuleEntry]) -> None:
    """Write what stands beside the modules, and have all of it on the disk."""
    written.tokenizer.save(work)
    save_config(work, _description(work, written, modules, modules["vocoder"].parsed().sample_rate))
    for path in (work / JOURNAL, durable.part_of(work / JOURNAL)):
        path.unlink(missing_ok=True)
    # `durable.replace` flushes the folder's names, not its files
    for path in work.iterdir():
        durable.sync(path)


def _copy(source: Path, work: Path, kind: str, config: dict, allow_program: bool = False) -> ModuleEntry:
    if not is_file(source, ReleaseError):
        raise ReleaseError(f"The release lacks {source}. Fetch it again.")
    name = _copy_of(source, kind)
    with durable.whole(work / name) as temporary:
        shutil.copyfile(source, temporary)
    known = architecture(kind)
    program = getattr(known.model_class(), "RUNS_PROGRAM", False)
    if program and not is_archive(work / name):  # all that is seen of a program without running it
        raise ReleaseError(f"{source} is no TorchScript program. Fetch it again.")
    if allow_program or not program:  # else users find the damage
        allowed = [True] if program else []
        known.model_class().open(work / name, known.config_class().parse(config), *allowed)
    return ModuleEntry(architecture=kind, file=name, sha256=digest_of(work / name), config=config)


def _check_vocabulary(tokenizer: TextTokenizer, wanted: dict[str, Part]) -> None:
    """The parts must speak of the same tokens."""
    layout, lm, flow = AudioTokens.of(tokenizer), wanted["lm"].config, wanted["flow"].config
    codes = wanted["speech_tokenizer"].config.model_dump()["codes"]
    vocabulary = lm.model_dump()["vocab_size"]
    # a table may have more rows than there are ids: nobody asks for those
    if tokenizer.size > vocabulary or layout.count != codes or flow.model_dump()["vocabulary"] < codes:
        raise ReleaseError(
            f"The parts do not fit: {tokenizer.size} text ids for a language model of {vocabulary}, {layout.count} "
            f"audio tokens for a codebook of {codes}. They come from different releases."
        )


def _description(work: Path, written: _Text, modules: dict[str, ModuleEntry], rate: int) -> BundleConfig:
    return BundleConfig(
        name="glm-tts",
        description="The released GLM-TTS, converted",
        licence="MIT (weights)",
        sample_rate=rate,
        modules=modules,
        text=written.config,
        text_files={name: digest_of(work / name) for name in TOKENIZER_FILES},
        voices={},
        speaker_prompts=written.speaker_prompts,
        synthesis=SynthesisDefaults(history_tokens=HISTORY_TOKENS).model_dump(mode="json"),
    )
