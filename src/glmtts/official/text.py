"""The released text side: vocabulary, safe characters, replacements, speaker prompts."""

import json
from pathlib import Path
from typing import Any

import yaml

from glmtts.errors import BundleError, ReleaseError
from glmtts.official.release import OWN_REPLACEMENTS, REPLACEMENTS, SAFE_CHARACTERS, SPEAKER_PROMPTS, Release
from glmtts.places import is_file
from glmtts.text.frontend import TextConfig
from glmtts.text.tokenizer import TextTokenizer, read_ranks

SHORTEST_PIECE, LONGEST_PIECE = 30, 60  # characters, the release's
LARGEST_ID = (1 << 31) - 1  # tiktoken has 32 bits


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
    special = _special(release, folder / "tokenizer_config.json")
    ids = set(special.values()) | set(ranks.values())
    # fewer ids than entries: one is given twice
    if not special or not ranks or len(ids) != len(special) + len(ranks):
        raise ReleaseError(f"{folder} gives an id twice or no special tokens. Fetch the release again.")
    if min(ids) < 0 or max(ids) > LARGEST_ID:
        raise ReleaseError(f"{folder} gives an id below 0 or above {LARGEST_ID}. Fetch the release again.")
    return TextTokenizer(ranks, special)


def _special(release: Release, path: Path) -> dict[str, int]:
    """Ids by the texts of special tokens."""
    added = release.table(path).get("added_tokens_decoder", {})
    try:
        special = {entry["content"]: int(number) for number, entry in added.items()}
        if all(isinstance(text, str) for text in special):
            return special
    except (AttributeError, KeyError, TypeError, ValueError):
        pass
    raise ReleaseError(f"{path} has no table of special tokens by their ids. Fetch it again.")


def text_config(release: Release) -> TextConfig:
    """Text as the release reads it: its form, its lists of safe characters and of replacements, phonemes on request.

    The release's own figures were made without phonemes; with them its users report choppier prosody and better
    polyphones.

    Raises:
        ReleaseError: a list is damaged.
    """
    safe = release.json(release.code / SAFE_CHARACTERS)
    if not isinstance(safe, list) or not all(map(_is_text, safe)):
        raise ReleaseError(f"{release.code / SAFE_CHARACTERS} is no list of characters. Fetch the code again.")
    return TextConfig(
        phoneme_in="off",
        release_form=True,
        safe_characters="".join(safe),
        # a user's own come last, and win
        replacements=_replacements(release.code / REPLACEMENTS) | _own_replacements(release.code / OWN_REPLACEMENTS),
        shortest_piece=SHORTEST_PIECE,
        longest_piece=LONGEST_PIECE,
    )


def _own_replacements(path: Path) -> dict[str, str]:
    """What a user of the release added; none where that file is missing."""
    return _replacements(path) if is_file(path, ReleaseError) else {}


def _replacements(path: Path) -> dict[str, str]:
    words: dict[str, str] = {}
    try:
        # not `splitlines`, which also cuts at U+2028 and others that a JSON string may hold
        lines = path.read_text(encoding="utf-8-sig").split("\n")
    except (OSError, UnicodeDecodeError) as error:
        raise ReleaseError(f"{path} cannot be read as UTF-8: {error}. Fetch the code again.") from None
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            entry = json.loads(line)
        except (ValueError, RecursionError):
            entry = None
        if not isinstance(entry, dict) or not all(entry) or not all(map(_is_text, [*entry, *entry.values()])):
            raise ReleaseError(f"{path}, line {number}: not an object of words and their phonemes. Correct it.")
        words |= entry
    return words


def _is_text(value: object) -> bool:
    """Whether a value of a file is text that can be written again: JSON can spell half of a surrogate pair."""
    return isinstance(value, str) and not any("\ud800" <= sign <= "\udfff" for sign in value)


def _are_ids(value: object, ids: int) -> bool:
    """Whether a value of a file is a list of ids; of "123" Python would make three, and of 1.7 the id 1."""
    return isinstance(value, list) and all(type(one) is int and 0 <= one < ids for one in value)


def speaker_prompts(release: Release, ids: int) -> dict[str, list[int]]:
    """Text ids that name a speaker to fine-tuned (SFT) weights; none where the code folder has no such file.

    Raises:
        ReleaseError: the file is damaged, or names an id beyond the `ids` of the vocabulary.
    """
    path = release.code / SPEAKER_PROMPTS
    if not is_file(path, ReleaseError):
        return {}
    try:
        read: Any = yaml.safe_load(path.read_text(encoding="utf-8-sig"))
        prompts = {str(name): numbers for name, numbers in read.items()}
        if all(map(_is_text, prompts)) and all(_are_ids(numbers, ids) for numbers in prompts.values()):
            return prompts
    except (OSError, yaml.YAMLError, TypeError, ValueError, AttributeError, OverflowError, RecursionError):
        pass
    raise ReleaseError(f"{path} is no table of speakers and their ids. Fetch the code again.")
