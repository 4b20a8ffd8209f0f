"""Corpora of recordings: folders with audio and an `index.jsonl`, and which of their utterances train `mini`."""

from pathlib import Path
from typing import Any

import numpy as np
import soundfile

from glmtts.audio.containers import CONTAINERS
from glmtts.audio.io import audio_seconds, read_array
from glmtts.data import Utterance
from glmtts.errors import AudioError, DataError
from glmtts.programs import add_row, read_index, recording

SAMPLE_RATE = 24000  # of what the recipe writes
LOUD, MARGIN_SECONDS = 0.01, 0.2
SHORTEST, LONGEST = 0.5, 20.0  # seconds
LENGTH_SLACK = 0.1  # seconds; of 6,935 recordings at hand the worst is 0.08 from its index
EVERY = {"speechocean762": 2}  # for timbre, every second utterance is enough


def held_out_speaker(corpus: str, speaker: str) -> bool:
    """Speakers kept out of all training, for cloning tests: they may only be spoken with."""
    return corpus == "ljspeech" or speaker == "S0252" or (corpus == "speechocean762" and speaker.endswith("7"))


def trimmed(samples: np.ndarray) -> np.ndarray:
    """Samples (T,) with at most 0.2 s before and after what is louder than a hundredth of the peak.

    Teachers end with up to a second of silence, and a language model learns to write it.
    """
    loud = np.flatnonzero(np.abs(samples) > LOUD * np.abs(samples).max(initial=0.0))
    if not len(loud):
        return samples
    margin = int(MARGIN_SECONDS * SAMPLE_RATE)
    return samples[max(0, loud[0] - margin) : loud[-1] + margin]


def add_recording(index: Path, record: dict[str, Any], samples: np.ndarray) -> float:
    """Write samples at `SAMPLE_RATE`, trimmed, beside an index, then their line; gives their seconds."""
    samples = trimmed(samples)
    path, seconds = index.parent / record.get("file", f"{record['id']}.opus"), round(len(samples) / SAMPLE_RATE, 3)
    opus = {"format": "OGG", "subtype": "OPUS"} if path.suffix == ".opus" else {}
    soundfile.write(path, samples, SAMPLE_RATE, **opus)
    add_row(index, {**record, "seconds": seconds, "sample_rate": SAMPLE_RATE})
    return seconds


def read_corpus(folder: Path) -> list[Utterance]:
    """The trainable utterances of one corpus folder; `extra["path"]` is where the recording lies.

    Raises:
        DataError: the index or a recording is not as it should be, or nothing of it may be trained on.
    """
    utterances, name = [], folder.resolve().name  # of `.` too: by it speakers are held out
    for record in read_index(folder)[:: EVERY.get(name, 1)]:
        if held_out_speaker(name, record["speaker"]) or not SHORTEST <= record["seconds"] <= LONGEST:
            continue
        path = recording(folder, record)
        _check_length(path, record["seconds"])
        utterances.append(
            Utterance(
                id=record["id"],
                text=record["text"],
                language=record["lang"],
                speaker=f"{name}/{record['speaker']}",
                seconds=record["seconds"],
                extra={"path": str(path.resolve())},
            )
        )
    if not utterances:
        raise DataError(f"{folder} has no line of {SHORTEST:g} to {LONGEST:g} s that may be trained on. Leave it out.")
    return utterances


def _check_length(path: Path, said: float) -> None:
    """Raises DataError where a recording is not as long as its index says: batches are filled by what that says."""
    try:
        found = _decoded_seconds(path) if path.suffix.lower() in CONTAINERS else audio_seconds(path)
    except AudioError as error:
        raise DataError(str(error)) from None
    if abs(found - said) > LENGTH_SLACK:
        raise DataError(f"{path} has {found:.2f} s, and its index says {said:.2f} s. Correct the index.")


def _decoded_seconds(path: Path) -> float:
    samples_T, rate = read_array(path)
    return len(samples_T) / rate
