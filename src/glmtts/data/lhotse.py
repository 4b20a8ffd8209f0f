"""A bridge to Lhotse: cuts become utterances of ours, and a dataset of ours a `CutSet`.

Needs `pip install 'glm-tts[data]'`. What Lhotse is not used for, and why: docs/data.md.
"""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from glmtts.data.dataset import Dataset
from glmtts.data.manifest import FeatureSpec
from glmtts.data.shard import Utterance
from glmtts.data.writer import ShardWriter
from glmtts.errors import DataError

if TYPE_CHECKING:
    from lhotse import CutSet

RECORDING = "path"  # the key of `extra` that says where the audio lies


def import_cuts(cuts: Iterable[Any], folder: Path, features: dict[str, FeatureSpec] | None = None) -> int:
    """Write cuts as utterances, with those of their custom arrays that are named; gives how many.

    Each cut is one utterance: it needs one supervision with a text, a language and a speaker. The file of its recording
    goes to `extra`, with the start of the cut there in seconds.

    Raises:
        DataError: a cut has no supervision, or several, or one without text, language or speaker.
    """
    written = 0
    with ShardWriter(folder, features, provenance="imported from Lhotse cuts") as writer:
        for cut in cuts:
            arrays = {name: np.asarray(cut.load_custom(name)) for name in features or {}}
            writer.add(utterance_of(cut), arrays)
            written += 1
    return written


def utterance_of(cut: Any) -> Utterance:
    """A cut as an utterance.

    Raises:
        DataError: it has not one supervision with text, language and speaker.
    """
    said = cut.supervisions[0] if len(cut.supervisions) == 1 else None
    if said is None or not (said.text and said.language and said.speaker):
        raise DataError(f"cut {cut.id} needs one supervision with text, language and speaker. Split or complete it.")
    extra = {}
    if cut.has_recording:
        extra = {RECORDING: cut.recording.sources[0].source, "start": cut.start}
    return Utterance(cut.id, said.text, said.language.lower()[:2], said.speaker, cut.duration, extra)


def export_cuts(dataset: Dataset) -> "CutSet":
    """All utterances as a lazy `CutSet`; `cuts.to_file(…)` writes the manifest.

    Those whose `extra` names their recording refer to it; the features stay in their shards.
    """
    from lhotse import CutSet

    return CutSet(_Cuts(dataset))


class _Cuts:
    """Cuts made as they are asked for, again on every pass."""

    def __init__(self, dataset: Dataset) -> None:
        self.dataset = dataset

    def __iter__(self) -> Iterator[Any]:
        return map(_cut_of, self.dataset.utterances())


def _cut_of(utterance: Utterance) -> Any:
    from lhotse import MonoCut, Recording, SupervisionSegment

    path, start = utterance.extra.get(RECORDING), utterance.extra.get("start", 0.0)
    said = SupervisionSegment(
        id=utterance.id,
        recording_id=utterance.id,
        start=0,
        duration=utterance.seconds,
        text=utterance.text,
        language=utterance.language,
        speaker=utterance.speaker,
    )
    recording = Recording.from_file(path, recording_id=utterance.id) if path else None
    return MonoCut(
        id=utterance.id, start=start, duration=utterance.seconds, channel=0, supervisions=[said], recording=recording
    )
