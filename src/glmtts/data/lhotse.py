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
LANGUAGES = {
    "zh": ("zh", "zho", "chi", "cmn", "chinese", "mandarin", "zh-cn", "zh-sg", "zh-tw", "zh-hans", "zh-hant"),
    "en": ("en", "eng", "english", "en-us", "en-gb", "en-au", "en-ca", "en-ie", "en-in", "en-nz", "en-za"),
}
_KNOWN = {name: language for language, names in LANGUAGES.items() for name in names}


def import_cuts(cuts: Iterable[Any], folder: Path, features: dict[str, FeatureSpec] | None = None) -> int:
    """Write cuts as utterances, with those of their custom arrays that are named; gives how many.

    Each cut is one utterance: it needs one supervision with a text, a language and a speaker. The file of its recording
    goes to `extra`, with the channel there and the start of the cut in seconds. Cuts whose ids the dataset holds are
    skipped, so that an import that was killed goes on.

    Raises:
        DataError: as `utterance_of`.
    """
    written = 0
    with ShardWriter(folder, features, provenance="imported from Lhotse cuts") as writer:
        for cut in cuts:
            if writer.holds(cut.id):
                continue
            arrays = {name: np.asarray(cut.load_custom(name)) for name in features or {}}
            writer.add(utterance_of(cut), arrays)
            written += 1
    return written


def utterance_of(cut: Any) -> Utterance:
    """A cut as an utterance.

    Raises:
        DataError: it has not one supervision with text, language and speaker, the language is none of `LANGUAGES`, or
            its sound is not one channel of one recording.
    """
    said = cut.supervisions[0] if len(cut.supervisions) == 1 else None
    if said is None or not (said.text and said.language and said.speaker):
        raise DataError(f"cut {cut.id} needs one supervision with text, language and speaker. Split or complete it.")
    language = _KNOWN.get(said.language.strip().lower().replace("_", "-"))
    if language is None:
        names = "; ".join(f"{ours}: {', '.join(theirs)}" for ours, theirs in LANGUAGES.items())
        raise DataError(f"cut {cut.id} is in the language '{said.language}'. Leave it out, or name it ({names}).")
    return Utterance(cut.id, said.text, language, said.speaker, cut.duration, _sound(cut) if cut.has_recording else {})


def _sound(cut: Any) -> dict[str, Any]:
    """Which file a cut's sound lies in, in which of its channels, and from which second on."""
    # a mixture of cuts has no recording; a cut of several channels has a list of them
    recording, channel = getattr(cut, "recording", None), getattr(cut, "channel", None)
    sources = [one for one in recording.sources if channel in one.channels] if recording is not None else []
    if len(sources) != 1 or sources[0].type != "file":
        raise DataError(f"cut {cut.id} is not one channel of one file. Mix it down, save it, and give MonoCuts.")
    (source,) = sources
    # a recording may have a file a channel, which are counted through; a file's own are counted from 0
    return {RECORDING: source.source, "start": cut.start, "channel": source.channels.index(channel)}


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

    # 0 for what an utterance of another origin lacks
    path, start, channel = (utterance.extra.get(key, 0) for key in (RECORDING, "start", "channel"))
    said = SupervisionSegment(
        id=utterance.id,
        recording_id=utterance.id,
        start=0,
        duration=utterance.seconds,
        text=utterance.text,
        language=utterance.language,
        speaker=utterance.speaker,
        channel=channel,
    )
    recording = Recording.from_file(path, recording_id=utterance.id) if path else None
    return MonoCut(
        id=utterance.id,
        start=start,
        duration=utterance.seconds,
        channel=channel,
        supervisions=[said],
        recording=recording,
    )
