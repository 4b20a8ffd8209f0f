"""emotion2vec (Ma et al., 2024), by FunASR: the emotion of a clip, as CV3-Eval reads it."""

from collections.abc import Sequence
from threading import Lock
from typing import Any

from glmtts.backends import backend, reason_of
from glmtts.errors import EvaluationError
from glmtts.eval.scorers.clip import Clip, Score

INSTALL = "pip install funasr torchaudio"
SAMPLE_RATE = 16000
LABELS = ("angry", "disgusted", "fearful", "happy", "neutral", "other", "sad", "surprised", "unknown")
# what other sets of labels call them
ALIASES = {"anger": "angry", "disgust": "disgusted", "fear": "fearful", "happiness": "happy", "sadness": "sad"}
ALIASES |= {"surprise": "surprised", "calm": "neutral"}


class Emotion2Vec:
    """Options: `model`, a folder or a name of ModelScope; `device`.

    A clip says by the label `emotion` what it was to be.
    """

    name = "emo2vec_similarity"
    columns = ("emotion2vec_target", "emotion2vec_hit", *(f"emotion2vec_{label}" for label in LABELS))
    higher_is_better = {"emotion2vec_target": True, "emotion2vec_hit": True}
    stand_in_for = None

    def __init__(self, model: str = "iic/emotion2vec_plus_large", device: str = "cpu") -> None:
        funasr = backend("funasr", "The scorer 'emo2vec'", INSTALL, EvaluationError)
        try:
            self.model: Any = funasr.AutoModel(
                model=model, device=device, disable_update=True, disable_pbar=True, disable_log=True
            )
        except Exception as error:  # FunASR raises whatever its parts do
            reason = reason_of(error)
            raise EvaluationError(
                f"FunASR cannot load '{model}': {reason}. Give a folder or a name of its hub."
            ) from None
        self._lock = Lock()  # a scorer may be called from several threads; of its package nobody says so

    def score(self, clips: Sequence[Clip]) -> list[Score]:
        """Probabilities of the labels; `…_target` is the wanted one's, `…_hit` 1 where it is the highest.

        Without a wanted emotion these two are None.
        """
        return [self._one(clip) for clip in clips]

    def _one(self, clip: Clip) -> Score:
        if not len(clip.wave):
            return dict.fromkeys(self.columns)
        with self._lock:
            result = self.model.generate(
                clip.at(SAMPLE_RATE), fs=SAMPLE_RATE, granularity="utterance", extract_embedding=False
            )[0]
        found = emotion_columns("emotion2vec", probabilities(result), clip.labels.get("emotion"))
        return dict.fromkeys(self.columns) | found  # a model of fewer labels has no value of the others


def probabilities(result: dict[str, Any]) -> dict[str, float]:
    """FunASR's result ("生气/angry" and a score each) as label to probability."""
    # the ninth label is written "<unk>"
    names = (label.rpartition("/")[2].strip("<>").removeprefix("unk") or "unknown" for label in result["labels"])
    return dict(zip(names, map(float, result["scores"]), strict=True))


def emotion_columns(prefix: str, found: dict[str, float], wanted: str | None) -> Score:
    """The columns of an emotion scorer: the wanted label's probability, whether it is the highest, and each label's.

    The first two are None where no emotion is wanted, or one that the scorer does not know.
    """
    target = None if wanted is None else _label_for(wanted, found)
    hit = None if target is None else float(max(found, key=found.__getitem__) == target)
    columns = {f"{prefix}_{label}": value for label, value in found.items()}
    return {f"{prefix}_target": None if target is None else found[target], f"{prefix}_hit": hit, **columns}


def meant(label: str) -> str:
    """An emotion in CV3-Eval's words, whatever a list or another set of labels calls it: `Anger` is `angry`."""
    plain = label.strip().lower()
    return ALIASES.get(plain, plain)


def _label_for(wanted: str, found: dict[str, float]) -> str | None:
    """The label that means the wanted emotion, under whatever name."""
    # the same word first: RAVDESS tells calm from neutral
    if (plain := wanted.strip().lower()) in found:
        return plain
    return next((label for label in found if meant(label) == meant(wanted)), None)
