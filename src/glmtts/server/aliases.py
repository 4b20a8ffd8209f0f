"""OpenAI's names of models and voices, so that programs written for it need no change.

A voice is chosen by the sex that listeners of OpenAI's voices name, and by manner as far as there are voices to choose
from; a bundle without such a voice speaks with its own.
"""

import re

MODELS = re.compile(r"(?:tts-1(?:-hd)?|gpt-4o-mini-tts)(?:-\d{4}(?:-\d{2}-\d{2})?)?")
VOICES = {
    "alloy": "heart",
    "ash": "michael",
    "ballad": "george",
    "coral": "bella",
    "echo": "michael",
    "fable": "george",
    "onyx": "michael",
    "nova": "bella",
    "sage": "heart",
    "shimmer": "heart",
    "verse": "george",
    "marin": "bella",
    "cedar": "michael",
}


def is_known_model(name: str) -> bool:
    """Whether a name is one of OpenAI's speech models, dated or not."""
    return MODELS.fullmatch(name) is not None
