"""Answers as messages to rewards in other processes: safetensors with a JSON header, never pickles."""

import json
from collections.abc import Sequence
from typing import Any

import numpy as np
from safetensors.numpy import load, save

from glmtts.rl.rewards.base import Completion

LONGEST_REASON = 1000  # characters of an error that a worker tells; gRPC takes 8 KiB
ARRAYS, PLAIN = ("wave", "reference", "speaker"), ("key", "text", "language", "stopped", "rate", "emotion")
LENGTH_BYTES = 8  # of a header's length, which comes first


def framed(head: bytes, body: bytes) -> bytes:
    """A header and what follows it as one message: the header's length, little-endian, then both."""
    return len(head).to_bytes(LENGTH_BYTES, "little") + head + body


def unframed(message: bytes) -> tuple[bytes, bytes]:
    """The header and the rest of what `framed` made."""
    end = LENGTH_BYTES + int.from_bytes(message[:LENGTH_BYTES], "little")
    return message[LENGTH_BYTES:end], message[end:]


def packed(completions: Sequence[Completion]) -> bytes:
    """Answers as one message."""
    arrays = {
        f"{n}.{name}": value
        for n, one in enumerate(completions)
        for name in ARRAYS
        if (value := getattr(one, name)) is not None
    }
    plain = [
        {**{name: getattr(one, name) for name in PLAIN}, "phonemes": list(one.phonemes), "tokens": list(one.tokens)}
        for one in completions
    ]
    head = json.dumps(plain).encode()
    return framed(head, save({n: np.ascontiguousarray(v) for n, v in arrays.items()}))


def unpacked(message: bytes) -> list[Completion]:
    """What `packed` made."""
    head, body = unframed(message)
    plain, arrays = json.loads(head), load(body)
    found = []
    for number, values in enumerate(plain):
        own: dict[str, Any] = {name: arrays[f"{number}.{name}"] for name in ARRAYS if f"{number}.{name}" in arrays}
        values |= {"phonemes": tuple(values["phonemes"]), "tokens": tuple(values["tokens"])}
        found.append(Completion(**values, **own))
    return found
