"""Text to ids: byte-level BPE in tiktoken's format beside special tokens for phonemes and audio."""

import base64
import json
from pathlib import Path
from typing import Self

import tiktoken

from glmtts.errors import BundleError
from glmtts.text.phonemes import ENGLISH, MANDARIN, token

# tiktoken's pattern of cl100k_base
PATTERN = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*"
    r"|\s*[\r\n]+|\s+(?!\S)|\s+"
)
PADDING, END_OF_AUDIO, BEGIN_OF_AUDIO = "<|endoftext|>", "<|user|>", "<|begin_of_audio|>"


def read_ranks(path: Path) -> dict[bytes, int]:
    """A vocabulary in tiktoken's format: a line a token, base64 of its bytes, its rank.

    Raises:
        BundleError: the file is missing or not in the format.
    """
    try:
        lines = path.read_bytes().splitlines()
        return {base64.b64decode(word, validate=True): int(rank) for word, rank in (line.split() for line in lines)}
    except (OSError, ValueError) as error:
        raise BundleError(f"{path} is no tiktoken vocabulary: {error}.") from None


class TextTokenizer:
    """A byte-level BPE `ranks` (bytes → id) with `special` tokens (text → id)."""

    def __init__(self, ranks: dict[bytes, int], special: dict[str, int]) -> None:
        self.ranks, self.special = ranks, special
        self._encoding = tiktoken.Encoding("glm-tts", pat_str=PATTERN, mergeable_ranks=ranks, special_tokens=special)

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read `tokenizer.model` and `added_tokens.json`.

        Raises:
            BundleError: a file is missing or not in the format.
        """
        try:
            special = json.loads((folder / "added_tokens.json").read_text(encoding="utf-8"))
            return cls(read_ranks(folder / "tokenizer.model"), special)
        except (OSError, ValueError, RecursionError) as error:
            raise BundleError(f"The text vocabulary in {folder} cannot be read: {error}.") from None

    def save(self, folder: Path) -> None:
        """Write the two files that `load` reads."""
        ordered = sorted(self.ranks.items(), key=lambda item: item[1])
        lines = (base64.b64encode(word) + b" " + str(rank).encode() for word, rank in ordered)
        (folder / "tokenizer.model").write_bytes(b"\n".join(lines) + b"\n")
        (folder / "added_tokens.json").write_text(json.dumps(self.special), encoding="utf-8")

    def encode(self, text: str) -> list[int]:
        """Ids of `text`; special tokens written in it are recognised."""
        return self._encoding.encode(text, allowed_special="all")

    def decode(self, ids: list[int]) -> str:
        """The text of ids."""
        return self._encoding.decode(ids)

    def byte_length(self, token: int) -> int:
        """Bytes of UTF-8 that an id stands for."""
        return len(self._encoding.decode_single_token_bytes(token))

    def token_id(self, special: str) -> int:
        """Id of a special token.

        Raises:
            BundleError: the vocabulary has no such token.
        """
        if special not in self.special:
            raise BundleError(f"The text vocabulary has no token {special}: it belongs to another model.")
        return self.special[special]

    @property
    def size(self) -> int:
        """Number of ids."""
        return max(max(self.ranks.values()), max(self.special.values())) + 1


def mini_tokenizer(ranks: dict[bytes, int], audio_codes: int) -> TextTokenizer:
    """The vocabulary of `mini`: BPE, three control tokens, phonemes, and the audio tokens last."""
    names = [PADDING, END_OF_AUDIO, BEGIN_OF_AUDIO, *map(token, MANDARIN), *map(token, ENGLISH)]
    names += [f"<|audio_{code}|>" for code in range(audio_codes)]
    return TextTokenizer(ranks, {name: len(ranks) + i for i, name in enumerate(names)})
