"""Private characters that hold the place of an inline control while a text is normalised and split."""

# plane 15, for private use; its last two code points are no characters
PLACEHOLDERS = ("\U000f0000", "\U000ffffd")


def is_placeholder(character: str) -> bool:
    """Whether a private character stands for an inline control; text from outside never keeps one."""
    return PLACEHOLDERS[0] <= character <= PLACEHOLDERS[1]
