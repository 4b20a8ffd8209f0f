"""What the steps of the recipe share: the datasets of a working folder, and the models that read them."""

from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path

from torch import nn

import glmtts.tasks  # noqa: F401 - registers the tasks whose runs are read
from glmtts.data.manifest import FILE, read_manifest
from glmtts.errors import DataError
from glmtts.judging.recogniser import TokenRecogniser
from glmtts.speech_tokenizer.heads import SpeechTokenizerTraining
from glmtts.speech_tokenizer.model import SpeechTokenizer
from glmtts.speech_tokenizer.whisper import encoder_weights
from glmtts.training.config import load_config
from glmtts.training.registry import bundles, create_task
from glmtts.training.weights import is_run, trained_model

AUDIO_CODES = 2048
FROZEN_LAYERS = 5  # of Whisper-base's six
CONFIG = Path(__file__).parents[2] / "configs" / "mini_speech_tokenizer.toml"


def datasets_of(work: Path, feature: str | None = None, names: Sequence[str] | None = None) -> list[Path]:
    """The datasets in `work/data` that hold a feature, or of them those that are named."""
    folders = sorted(path.parent for path in (work / "data").glob(f"*/{FILE}"))
    if unknown := sorted(set(names or ()) - {folder.name for folder in folders}):
        raise DataError(f"{work / 'data'} has no dataset {', '.join(unknown)}. Correct the names, or run prepare.py.")
    named = [folder for folder in folders if names is None or folder.name in names]
    found = [folder for folder in named if feature is None or feature in read_manifest(folder).features]
    if not found:
        raise DataError(f"{work / 'data'} has no such dataset{f' with {feature}' if feature else ''}. Run prepare.py.")
    return found


def digest_of_weights(model: nn.Module) -> str:
    """Twelve hexadecimal digits that tell a model's weights from others'."""
    digest = sha256()
    for name, value in sorted(model.state_dict().items()):
        digest.update(name.encode() + value.detach().float().cpu().numpy().tobytes())
    return digest.hexdigest()[:12]


def load_whisper(path: Path, config: Path | None) -> tuple[SpeechTokenizer, int]:
    """The encoder as a run begins with it: Whisper's weights as far as it has them; and how many layers stay frozen."""
    model = create_task(load_config(config or CONFIG)).build()
    assert isinstance(model, SpeechTokenizerTraining)
    own = model.tokenizer.state_dict()
    weights = {name: value for name, value in encoder_weights(path).items() if name in own}
    model.tokenizer.load_state_dict(weights, strict=False)
    return model.tokenizer.eval(), model.frozen_layers


def load_tokenizer(where: str) -> tuple[SpeechTokenizer, TokenRecogniser, int]:
    """A trained speech tokenizer with its recogniser, from a run or a bundle; and how many layers were frozen."""
    if not is_run(where):
        tokenizer, recogniser = (bundles().network(where, name) for name in ("speech_tokenizer", "token_recogniser"))
        assert isinstance(tokenizer, SpeechTokenizer) and isinstance(recogniser, TokenRecogniser)
        return tokenizer, recogniser, FROZEN_LAYERS
    model = trained_model(where)
    assert isinstance(model, SpeechTokenizerTraining)
    return model.tokenizer, TokenRecogniser.of(model.asr, model.code_vectors()), model.frozen_layers
