"""The takes in use as a dataset that the training tasks read, and the voice that goes with them."""

import json
import shutil
from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path
from zlib import crc32

import torch
import torch.nn.functional as F

from glmtts import durable
from glmtts.audio.pitch import REFERENCE_HZ
from glmtts.bundle import Bundle
from glmtts.data import FeatureSpec, ShardWriter, Utterance
from glmtts.data.dataset import HELD_OUT_EVERY
from glmtts.data.manifest import FILE, read_manifest
from glmtts.errors import DataError, VoiceError
from glmtts.synthesis.voice import Voice, voice_of_features
from glmtts.voices.takes import Take

NAME, SPEAKER, PROVENANCE = "voice", "speaker", "glm-tts voice train"
DIGEST = "takes.sha256"  # of the takes that a dataset was written of
HELD_OUT_SHARE = 16  # every sixteenth recording, and its clauses, tell when to stop; they are not trained on
FEWEST_HELD_OUT = 4  # a choice
PROMPT_SECONDS = (3.0, 9.0)  # of the recording that speaks before; longer ones cost time with every sentence


def is_held_out(parents: Sequence[str]) -> set[str]:
    """Which recordings, by id, tell when to stop: spread evenly over them."""
    # of few recordings more are held out, up to every second
    every = min(HELD_OUT_SHARE, max(2, len(parents) // FEWEST_HELD_OUT))
    # sorted, so that the same recordings are held out in whatever order they come
    return set(sorted(parents)[every // 2 :: every])


def _named(take: Take, held_out: bool) -> str:
    """The take's id with a number at which it falls into the wanted split; a dataset's split goes by names."""
    number = 0
    while (crc32(f"{NAME}/{take.id}~{number}".encode()) % HELD_OUT_EVERY == 0) != held_out:
        number += 1
    return f"{take.id}~{number}"


def speaker_embedding(takes: Sequence[Take]) -> torch.Tensor:
    """The speaker (D,): the mean of the embeddings of whole recordings, of length 1."""
    return F.normalize(torch.stack([take.embedding for take in takes if take.parent == take.id]).mean(0), dim=0)


def write_dataset(folder: Path, takes: Sequence[Take], bundle: Bundle, begun: bool = False) -> Path:
    """Write takes with the features that language model and flow are trained on.

    A dataset of the same takes stays; one of others is replaced, unless training has `begun` on it.

    Raises:
        VoiceError: training has begun on other takes, or the folder cannot be written, or holds something else.
    """
    digest = digest_of_takes(takes)
    if folder.exists() and _stays(folder, digest, begun):
        return folder
    with durable.writable(folder, VoiceError, "Free some space or choose another --work."):
        shutil.rmtree(folder, ignore_errors=True)
        # aside: a writer lists a dataset from its first utterance on, and a killed one would leave a part of it
        with durable.new_folder(folder) as new:
            _write(new, takes, bundle)
            (new / DIGEST).write_text(digest, encoding="utf-8")
    return folder


def digest_of_takes(takes: Sequence[Take]) -> str:
    """SHA-256 of what is said in which takes, and of their tokens.

    Mel and F0 are left out: made again on another machine, their last bits may differ.
    """
    known = [(take.id, take.parent, take.text, take.language, take.tokens.tolist()) for take in takes]
    return sha256(json.dumps(sorted(known)).encode()).hexdigest()


def _stays(folder: Path, digest: str, begun: bool) -> bool:
    """Whether the dataset in a folder is used as it is. Raises as `write_dataset` does."""
    try:
        ours = read_manifest(folder).provenance == PROVENANCE
    except DataError:
        ours = folder.is_dir() and not any(folder.iterdir())
    if not ours:  # it is about to be removed
        raise VoiceError(f"{folder} holds something else than the data of this voice. Choose another --work.")
    if not (folder / FILE).is_file():
        return False
    path = folder / DIGEST
    # what earlier versions wrote has no digest, and a run that has begun on it goes on
    same = path.read_text(encoding="utf-8", errors="replace") == digest if path.is_file() else begun
    if begun and not same:
        raise VoiceError(
            f"The recordings or their texts are not those that training began with. Choose another --work than "
            f"{folder.parent} to train on them, or put them back as they were to go on."
        )
    return same


def _write(folder: Path, takes: Sequence[Take], bundle: Bundle) -> None:
    clock = bundle.clock
    frames = clock.token_rate * clock.frames_per_token
    specs = {
        "tokens": FeatureSpec(rate=clock.token_rate),
        "alignment": FeatureSpec(rate=clock.token_rate),
        "mel": FeatureSpec(rate=frames),
        "f0": FeatureSpec(rate=frames),
        "speaker": FeatureSpec(rate=None),
    }
    held_out, speaker = is_held_out([take.id for take in takes if take.parent == take.id]), speaker_embedding(takes)
    with ShardWriter(folder, specs, name=NAME, provenance=PROVENANCE) as writer:
        for take in takes:
            name = _named(take, take.parent in held_out)
            utterance = Utterance(name, take.text, take.language, SPEAKER, take.signal.seconds)
            features = {"tokens": take.tokens, "alignment": take.alignment, "mel": take.mel, "f0": take.f0}
            # the speaker is one for all takes: at synthesis there is one embedding too
            writer.add(utterance, {name: value.numpy() for name, value in {**features, "speaker": speaker}.items()})


def trained_voice(takes: Sequence[Take], bundle: Bundle) -> Voice:
    """The voice of takes: the recording that speaks before, the speaker's embedding and median F0.

    The recording is that whose text is heard best among those of a handy length.
    """
    whole = [take for take in takes if take.parent == take.id]
    handy = [take for take in whole if PROMPT_SECONDS[0] <= take.signal.seconds <= PROMPT_SECONDS[1]] or whole
    prompt = min(handy, key=lambda take: (take.nll or 0.0, take.id))
    # frames of all recordings together; their median, as octave errors of F0 would pull a mean
    voiced = torch.cat([take.f0[take.f0 > 0] for take in whole])
    # whispers have none: as of a clone, then one between men and women, since a voice without F0 cannot be opened
    f0 = voiced.median() if len(voiced) else torch.tensor(REFERENCE_HZ)
    tokens_S, mel_MT, speaker = prompt.tokens.long(), prompt.mel.float().T, speaker_embedding(takes)
    return voice_of_features(bundle, prompt.text, tokens_S, mel_MT, speaker, f0)
