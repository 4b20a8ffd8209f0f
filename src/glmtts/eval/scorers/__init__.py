"""Scorers by name, imported on first use; docs/scorers.md says what each measures, needs and costs.

    from glmtts.eval import scorers
    dnsmos = scorers.load("dnsmos")
    dnsmos.score([scorers.Clip("a", wave, 24000, "Hello.", "en")])  # [{"dnsmos_overall": 3.2, …}]

Other packages add theirs by the entry point group `glmtts.scorers`: each entry is a class that is called with the
options of `load`.
"""

import inspect
from importlib import import_module
from importlib.metadata import entry_points
from typing import Any

from glmtts.errors import EvaluationError
from glmtts.eval.foreign import foreign
from glmtts.eval.scorers.clip import Clip, Score, Scorer

__all__ = ["Clip", "Score", "Scorer", "load", "names", "register"]

PLUGINS = "glmtts.scorers"
WHOLE, TRUTH = "a whole number", "true or false"
KINDS = {int: WHOLE, float: "a number", bool: TRUTH}
_registered: dict[str, str] = {}


def register(name: str, place: str) -> None:
    """Make a scorer known; `place` is "package.module:Class", imported when it is loaded."""
    _registered[name] = place


def names() -> list[str]:
    """The names that `load` takes, sorted."""
    return sorted({*_registered, *(plugin.name for plugin in entry_points(group=PLUGINS))})


def load(name: str, **options: Any) -> Scorer:
    """The scorer of this name; its class says which options it takes.

    Raises:
        EvaluationError: there is none of this name, it does not take an option, or its backend or weights are missing.
    """
    with foreign(f"The scorer '{name}' cannot be loaded"):
        scorer: type[Scorer] = _class_of(name)
        _check(name, inspect.signature(scorer), options)
        return scorer(**options)


def _check(name: str, signature: inspect.Signature, options: dict[str, Any]) -> None:
    """Refuse options that the class does not take, and words where it takes a number or a truth."""
    try:
        # asked before the call: a TypeError within the class is no option that it lacks
        signature.bind(**options)
    except TypeError as error:
        raise EvaluationError(f"The scorer '{name}' {error}. See docs/scorers.md.") from None
    for key, value in options.items():
        kind = KINDS.get(signature.parameters[key].annotation) if key in signature.parameters else None
        if kind is not None and not _fits(value, kind):
            raise EvaluationError(f"The scorer '{name}' takes {kind} as '{key}', not '{value}'. See docs/scorers.md.")


def _fits(value: Any, kind: str) -> bool:
    if kind == TRUTH:
        return value in (0, 1)  # as which true and false count
    # true is an int to Python, and no number to who writes it
    return not isinstance(value, bool) and isinstance(value, int if kind == WHOLE else int | float)


def _class_of(name: str) -> Any:
    if name in _registered:
        module, _, attribute = _registered[name].partition(":")
        return getattr(import_module(module), attribute)
    for plugin in entry_points(group=PLUGINS):
        if plugin.name == name:
            return plugin.load()
    raise EvaluationError(f"There is no scorer '{name}'. Known are {', '.join(names())}.")


for _name, _place in {
    "whisper_wer": "whisper_wer:WhisperWer",
    "paraformer_wer": "paraformer_wer:ParaformerWer",
    "sensevoice_wer": "sensevoice_wer:SenseVoiceWer",
    "speaker_wavlm": "speaker_wavlm:WavLmEcapa",
    "speaker_wavlm_sv": "speaker_wavlm_sv:WavLmXVector",
    "speaker_eres2net": "speaker_eres2net:Eres2Net",
    "speaker_resemblyzer": "speaker_resemblyzer:Resemblyzer",
    "speaker_campplus": "speaker_campplus:CampPlusSimilarity",
    "emo2vec": "emotion2vec:Emotion2Vec",
    "emotion": "emotion:Emotion",
    "laughter": "laughter:Laughter",
    "dnsmos": "dnsmos:DnsMosScorer",
    "nisqa": "nisqa:Nisqa",
    "nisqa_tts": "nisqa:NisqaTts",
    "utmos": "utmos:Utmos",
    "utmosv2": "utmosv2:UtmosV2",
    "audiobox_aesthetics": "audiobox:AudioboxAesthetics",
    "distillmos": "distillmos:DistillMos",
    "pesq": "pesq:Pesq",
    "mr_stft": "mr_stft:MultiResolutionStft",
    "f0": "f0:F0",
    "band_energy": "band_energy:BandEnergy",
}.items():
    register(_name, f"{__name__}.{_place}")
