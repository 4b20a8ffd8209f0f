"""From pieces of text to segments, for every runtime: needs neither PyTorch nor ONNX Runtime."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from glmtts.audio.io import AUDIO_SUFFIXES
from glmtts.errors import ConfigError, TextError, VoiceError
from glmtts.synthesis.options import Options, settings
from glmtts.synthesis.segment import Segment
from glmtts.synthesis.settings import SynthesisDefaults
from glmtts.text.frontend import Piece, TextFrontend, phonemes_of


def one_each(texts: Iterable[str], voices: Any, seeds: Iterable[int] | None) -> list[tuple[str, Any, int]]:
    """Texts with their voices and seeds: a voice that is no list serves all, and seeds are 0 unless given.

    Raises:
        ConfigError: the lengths of the lists differ, or one text or seed was given in the place of a list.
        TextError: one of the texts is no text.
    """
    if isinstance(texts, str | bytes) or not isinstance(texts, Iterable):
        raise ConfigError("The texts are no list. Give several texts as a list, or one text to `say`.")
    if seeds is not None and not isinstance(seeds, Iterable):
        raise ConfigError(f"The seeds are {seeds!r}. Give a list with a seed for each text.")
    said = [checked_text(text) for text in texts]
    several = isinstance(voices, Iterable) and not isinstance(voices, str | bytes)  # a name yields its letters
    each = list(voices) if several else [voices] * len(said)
    numbers = [0] * len(said) if seeds is None else list(seeds)
    if not len(said) == len(each) == len(numbers):
        raise ConfigError(
            f"There are {len(said)} texts, {len(each)} voices and {len(numbers)} seeds. Give as many of each."
        )
    return list(zip(said, each, numbers, strict=True))


def checked_text(text: object) -> str:
    """A text, or a part of one, that is of the type `str`.

    Raises:
        TextError: it is not.
    """
    if not isinstance(text, str):
        raise TextError(f"A text is of the type {type(text).__name__}. Give each text as a str.")
    return text


def segments_of(
    front: TextFrontend,
    pieces: Iterable[Piece],
    voice: Any,
    seed: int,
    options: Options,
    defaults: SynthesisDefaults,
    speakers: Mapping[str, list[int]],
) -> list[Segment]:
    """Prepared pieces of text with their phonemes, voice, settings and seeds; `speakers` are the fine-tuned ones.

    `voice` is that of the runtime. Raises ConfigError for an option out of its range, VoiceError as `speaker_prompt`.
    """
    how = settings(defaults, options)
    speaker, phonemic = speaker_prompt(speakers, options.get("speaker")), front.with_mode("all")
    segments = []
    for number, piece in enumerate(pieces):
        hybrid = front.to_hybrid(piece.closed)
        # the judge needs all phonemes, also where the language model is given characters and words as text
        phonemes = phonemes_of(hybrid if phonemic is front else phonemic.to_hybrid(piece.closed))
        segments.append(Segment(piece, hybrid, voice, how, seed + number, speaker, phonemes))
    return segments


def speaker_prompt(known: Mapping[str, list[int]], speaker: str | None) -> Sequence[int]:
    """Text ids of a fine-tuned speaker; none where none is asked for.

    Raises:
        VoiceError: the model knows no such speaker.
    """
    if speaker is None:
        return []
    if speaker not in known:
        names = ", ".join(known) or "none"
        raise VoiceError(f"There is no fine-tuned speaker '{speaker}'. This model knows: {names}.")
    return known[speaker]


def is_recording(voice: object) -> bool:
    """Whether a voice is given by the path of a recording, which is still to be cloned."""
    return isinstance(voice, str | Path) and Path(voice).suffix.lower() in AUDIO_SUFFIXES


def check_voice_name(voice: object) -> None:
    """Refuse what is neither a voice of the runtime, which was looked for before, nor the name or file of one.

    Raises:
        VoiceError: says of which type it is.
    """
    if voice is not None and not isinstance(voice, str | Path):
        raise VoiceError(
            f"A voice of the type {type(voice).__name__} is none of this runtime. Save it, and give the file."
        )


def check_voice_text(voice: object, text: str | None) -> None:
    """Refuse the text of a recording beside a voice that is made already, where it would change nothing, or no text.

    Raises:
        VoiceError: says which voice it is, or of which type the text.
    """
    if text is not None and not isinstance(text, str):
        raise VoiceError(f"The text of the recording is of the type {type(text).__name__}. Give it as a str.")
    if text is not None and not is_recording(voice):
        which = f"'{voice}'" if isinstance(voice, str | Path) and str(voice) else "the voice"
        raise VoiceError(
            f"The text of a recording was given, and {which} is no recording but made already. "
            "Leave the text out, or give the recording itself."
        )


def readable_text(front: TextFrontend, text: str) -> str:
    """The text of a recording as a voice keeps it, before any work on the recording.

    Raises:
        VoiceError: the front end cannot read it.
    """
    text = plain_text(text)
    try:
        if text:
            front.prepare(text)
    except TextError as error:
        raise VoiceError(f"The text of the recording cannot be used. {error} Or leave it out.") from None
    return text


def plain_text(text: str) -> str:
    """Text that a file can hold: without halves of surrogate pairs, which are never spoken either (text/cleanup.py).

    They stand for bytes that are not UTF-8 where a text comes from the command line.
    """
    return text.encode(errors="ignore").decode()


def pauses(piece: Piece, rate: int, usual: float) -> tuple[int, int]:
    """Samples of silence before and after a piece; after it `usual` seconds where the text asks for none."""
    after = usual if piece.pause_after is None else piece.pause_after
    return int(piece.pause_before * rate), int(after * rate)
