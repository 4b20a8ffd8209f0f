"""The takes in use as a dataset that the training tasks read, and the voice that goes with them."""

from collections.abc import Sequence
from pathlib import Path
from zlib import crc32

import torch
import torch.nn.functional as F

from glmtts.bundle import Bundle
from glmtts.data import FeatureSpec, ShardWriter, Utterance
from glmtts.data.dataset import HELD_OUT_EVERY
from glmtts.data.manifest import FILE
from glmtts.synthesis.voice import Voice, voice_of_features
from glmtts.voices.takes import Take

NAME, SPEAKER = "voice", "speaker"
HELD_OUT_SHARE = 16  # every sixteenth recording, and its clauses, tell when to stop; they are not trained on
FEWEST_HELD_OUT = 4  # a choice
PROMPT_SECONDS = (3.0, 9.0)  # of the recording that speaks before; longer ones cost time with every sentence


def is_held_out(parents: Sequence[str]) -> set[str]:
    """Which recordings, by id, tell when to stop: spread evenly over them."""
    every = min(HELD_OUT_SHARE, max(2, len(parents) // FEWEST_HELD_OUT))
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


def write_dataset(folder: Path, takes: Sequence[Take], bundle: Bundle) -> Path:
    """Write takes with the features that language model and flow are trained on; one that is there already stays."""
    if (folder / FILE).is_file():
        return folder
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
    with ShardWriter(folder, specs, name=NAME, provenance="glm-tts voice train") as writer:
        for take in takes:
            name = _named(take, take.parent in held_out)
            utterance = Utterance(name, take.text, take.language, SPEAKER, take.signal.seconds)
            features = {"tokens": take.tokens, "alignment": take.alignment, "mel": take.mel, "f0": take.f0}
            writer.add(utterance, {name: value.numpy() for name, value in {**features, "speaker": speaker}.items()})
    return folder


def trained_voice(takes: Sequence[Take], bundle: Bundle) -> Voice:
    """The voice of takes: the recording that speaks before, the speaker's embedding and median F0.

    The recording is that whose text is heard best among those of a handy length.
    """
    whole = [take for take in takes if take.parent == take.id]
    handy = [take for take in whole if PROMPT_SECONDS[0] <= take.signal.seconds <= PROMPT_SECONDS[1]] or whole
    prompt = min(handy, key=lambda take: (take.nll or 0.0, take.id))
    # frames of all recordings together; their median, as octave errors of F0 would pull a mean
    voiced = torch.cat([take.f0[take.f0 > 0] for take in whole])
    tokens_S, mel_MT, speaker = prompt.tokens.long(), prompt.mel.float().T, speaker_embedding(takes)
    return voice_of_features(bundle, prompt.text, tokens_S, mel_MT, speaker, voiced.median())
