"""The released text side: vocabulary, safe characters, replacements, speaker prompts."""

import json
from pathlib import Path
from typing import Any

import yaml

from glmtts.errors import BundleError, ReleaseError
from glmtts.official.release import OWN_REPLACEMENTS, REPLACEMENTS, SAFE_CHARACTERS, SPEAKER_PROMPTS, Release
from glmtts.text.frontend import TextConfig
from glmtts.text.tokenizer import TextTokenizer, read_ranks

SHORTEST_PIECE, LONGEST_PIECE = 30, 60  # characters, the release's


def tokenizer(release: Release) -> TextTokenizer:
    """The released vocabulary: tiktoken ranks, and special tokens from `added_tokens_decoder`.

    Raises:
        ReleaseError: a file is damaged, or an id is used twice.
    """
    folder = release.folder / "vq32k-phoneme-tokenizer"
    try:
        ranks = read_ranks(folder / "tokenizer.model")
    except BundleError as error:
        raise ReleaseError(str(error)) from None
    added = release.json(folder / "tokenizer_config.json").get("added_tokens_decoder", {})
    special = {entry["content"]: int(number) for number, entry in added.items()}
    if not special or len(set(special.values()) | set(ranks.values())) != len(special) + len(ranks):
        raise ReleaseError(f"{folder} gives an id twice or no special tokens. Fetch the release again.")
    return TextTokenizer(ranks, special)


def text_config(release: Release) -> TextConfig:
    """Text as the release reads it: its form, its lists of safe characters and of replacements, phonemes on request.

    The release's own figures were made without phonemes; with them its users report choppier prosody and better
    polyphones.

    Raises:
        ReleaseError: a list is damaged.
    """
    safe = release.json(release.code / SAFE_CHARACTERS)
    if not isinstance(safe, list) or not all(isinstance(item, str) for item in safe):
        raise ReleaseError(f"{release.code / SAFE_CHARACTERS} is no list of characters. Fetch the code again.")
    return TextConfig(
        phoneme_in="off",
        release_form=True,
        safe_characters="".join(safe),
        replacements=_replacements(release.code / REPLACEMENTS) | _own_replacements(release.code / OWN_REPLACEMENTS),
        shortest_piece=SHORTEST_PIECE,
        longest_piece=LONGEST_PIECE,
    )


def _own_replacements(path: Path) -> dict[str, str]:
    """What a user of the release added; none where that file is missing."""
    return _replacements(path) if path.is_file() else {}


def _replacements(path: Path) -> dict[str, str]:
    words: dict[str, str] = {}
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        if not line.strip():
            continue
        try:
            entry = json.loads(line)
        except ValueError:
            entry = None
        if not isinstance(entry, dict) or not all(isinstance(item, str) for item in [*entry, *entry.values()]):
            raise ReleaseError(f"{path}, line {number}: not an object of words and their phonemes.")
        words |= entry
    return words


def speaker_prompts(release: Release) -> dict[str, list[int]]:
    """Text ids that name a speaker to fine-tuned (SFT) weights; none where the code folder has no such file.

    Raises:
        ReleaseError: the file is damaged.
    """
    path = release.code / SPEAKER_PROMPTS
    if not path.is_file():
        return {}
    try:
        prompts: Any = yaml.safe_load(path.read_text(encoding="utf-8"))
        return {str(name): [int(number) for number in ids] for name, ids in prompts.items()}
    except (yaml.YAMLError, TypeError, ValueError, AttributeError):
        raise ReleaseError(f"{path} is no table of speakers and their ids. Fetch the code again.") from None
