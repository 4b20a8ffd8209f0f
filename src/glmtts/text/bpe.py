"""Byte-level BPE vocabularies: training one, and pruning any given one (report section 2.2)."""

from collections.abc import Iterable

from glmtts.errors import TrainingError
from glmtts.text.mandarin import CHINESE
from glmtts.text.tokenizer import PATTERN

MAX_CHINESE_CHARACTERS = 2  # in one token (report section 2.2)


def prune_vocabulary(ranks: dict[bytes, int]) -> dict[bytes, int]:
    """Drop tokens of more than two Chinese characters and close the gaps, so that ids stay dense.

    Long text tokens vary most in acoustic duration; without them the ratio of speech to text tokens is narrower.
    Single bytes always stay, so that every text can be encoded.
    """
    kept = [word for word, _ in sorted(ranks.items(), key=lambda item: item[1]) if not _too_long(word)]
    return {word: rank for rank, word in enumerate(kept)}


def _too_long(word: bytes) -> bool:
    # a token may end within a character
    return len(CHINESE.findall(word.decode("utf-8", errors="ignore"))) > MAX_CHINESE_CHARACTERS


def train_bpe(texts: Iterable[str], size: int) -> dict[bytes, int]:
    """Train a byte-level BPE of `size` tokens on texts and prune it.

    Raises:
        TrainingError: the `tokenizers` library is not installed.
    """
    try:
        from tokenizers import Regex, Tokenizer, models, pre_tokenizers, trainers
    except ImportError:
        raise TrainingError("Training a vocabulary needs tokenizers. Install it with: pip install '.[train]'") from None
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(PATTERN), "isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    # all 256 bytes, also those that the texts lack: every text must be encodable
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(vocab_size=size, initial_alphabet=sorted(alphabet), show_progress=False)
    tokenizer.train_from_iterator(texts, trainer)
    letters = _byte_of_letter()
    words = {bytes(letters[letter] for letter in word): rank for word, rank in tokenizer.get_vocab().items()}
    return prune_vocabulary(words)


def _byte_of_letter() -> dict[str, int]:
    """The printable letters that stand for bytes in GPT-2's byte-level BPE."""
    printable = [*range(33, 127), *range(161, 173), *range(174, 256)]
    others = [byte for byte in range(256) if byte not in printable]
    return {chr(byte): byte for byte in printable} | {chr(256 + i): byte for i, byte in enumerate(others)}
