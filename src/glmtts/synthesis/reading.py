"""Long texts: read piece by piece with constant memory, into a file, going on after a break.

While it works, a folder `.NAME.part` beside the output holds the samples so far (int16) and a journal with a line a
piece. A killed run loses the piece it was at; the same command goes on with that.
"""

import hashlib
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, Unpack

from torch import Tensor
from torch.nn.functional import pad

from glmtts.audio.io import check_writable
from glmtts.errors import TextError
from glmtts.memory import trimming
from glmtts.synthesis.history import History
from glmtts.synthesis.journal import Journal, alone_in
from glmtts.synthesis.options import Options, checked_seed, dictionary, reader
from glmtts.synthesis.subtitles import check_subtitles, write_subtitles
from glmtts.synthesis.synthesizer import AnyVoice, Synthesizer
from glmtts.synthesis.text_stream import pieces_of
from glmtts.synthesis.voice import Voice
from glmtts.text.frontend import Piece

Progress = Callable[[str], None]
Hear = Callable[[Tensor, int], None]


def read_book(
    tts: Synthesizer,
    text: str | Iterable[str],
    out: str | Path,
    voice: AnyVoice = None,
    *,
    seed: int = 0,
    subtitles: str | Path | None = None,
    restart: bool = False,
    progress: Progress = lambda piece: None,
    hear: Hear | None = None,
    **options: Unpack[Options],
) -> float:
    """Read `text` (or its parts, such as lines) into the file `out`; gives its length in seconds.

    Every piece is spoken with the same voice prompt, so the voice stays. `progress` is told each piece as it was
    written when it is done, also those that an earlier run did; `hear` is given the samples (T,) of each piece that is
    spoken now, pauses included, and their rate. `subtitles` is a path that ends in .srt or .vtt.

    Raises:
        AudioError: a path cannot be written, or the disk is full; what was read stays for the next run.
        ConfigError: an earlier run of another text, voice, model or setting is unfinished there, or one is under way.
        TextError, VoiceError: as `Synthesizer.say`; what was read before a sentence that cannot be spoken stays too.
    """
    out, seed = Path(out), checked_seed(seed)
    check_writable(out)  # before hours of work, not after them
    if subtitles is not None:
        check_subtitles(Path(subtitles))
    chosen, words = tts.voice(voice), dictionary(options.get("pronunciations"))
    how: Options = {**options, "pronunciations": words}
    pieces = pieces_of(reader(tts.frontend, how), [text] if isinstance(text, str) else text, how.get("language"))
    with alone_in(unfinished(out)), trimming():
        journal = Journal(unfinished(out), _about(tts, chosen, seed, how), restart)
        try:
            count = _read(tts, pieces, journal, chosen, seed, how, progress, hear)
        except TextError as error:
            if journal.cues:
                kept = f"What was read before it stays in {journal.folder}: the same command goes on from there."
                raise TextError(f"{error} {kept}") from None
            raise
        finally:
            if not journal.cues:  # nothing is lost, so nothing is left
                journal.remove()
        journal.expect_no_more_than(count)
        journal.encode(out, tts.bundle.config.name)
        if subtitles is not None:
            write_subtitles(subtitles, journal.cues)
        journal.remove()
    return journal.samples / journal.rate


def unfinished(out: Path) -> Path:
    """The folder of what is read of a book until it is whole."""
    return out.with_name(f".{out.name}.part")


def spoken_pieces(
    tts: Synthesizer,
    text: Iterable[str],
    voice: AnyVoice = None,
    *,
    seed: int = 0,
    **options: Unpack[Options],
) -> Iterator[tuple[Piece, Tensor]]:
    """Pieces of a text in parts and their samples (T,), pauses included: what `read_book` writes, one by one.

    Raises: as `Synthesizer.say`.
    """
    chosen = tts.voice(voice)
    how: Options = {**options, "pronunciations": dictionary(options.get("pronunciations"))}
    history = History(tts.defaults.history_tokens)
    for number, piece in enumerate(pieces_of(reader(tts.frontend, how), text, how.get("language"))):
        _, samples, pauses, _ = tts.speak_timed(piece, chosen, seed + number, history, **how)
        yield piece, pad(samples, pauses)


def _read(
    tts: Synthesizer,
    pieces: Iterable[Piece],
    journal: Journal,
    voice: Voice,
    seed: int,
    options: Options,
    progress: Progress,
    hear: Hear | None,
) -> int:
    """Speak the pieces that the journal does not hold; gives the number of all."""
    number, history = -1, History(tts.defaults.history_tokens)
    for before in journal.earlier:
        history.take(before)
    for number, piece in enumerate(pieces):
        if number < len(journal.cues):
            # the text is read from its beginning again: a file that was changed meanwhile is noticed
            journal.expect(number, piece.text)
        else:
            earlier, samples, pauses, words = tts.speak_timed(piece, voice, seed + number, history, **options)
            journal.add(piece, samples, pauses, words, earlier)
            if hear is not None:
                hear(pad(samples, pauses), journal.rate)
        progress(piece.source or piece.text)
    return number + 1


def _about(tts: Synthesizer, voice: Voice, seed: int, options: Options) -> dict[str, Any]:
    """What decides the sound, as JSON: an unfinished reading goes on under the same alone."""
    words = dictionary(options.get("pronunciations"))
    given = {name: value for name, value in options.items() if value is not None}  # None is the same as left out
    return {
        "voice": _digest(voice),
        "seed": seed,
        "model": {name: entry.sha256 for name, entry in tts.bundle.config.modules.items()},
        "defaults": tts.defaults.model_dump(mode="json"),
        "options": {**given, "pronunciations": dict(words.words) if words is not None else None},
        "rate": tts.bundle.config.sample_rate,
    }


def _digest(voice: Voice) -> str:
    """A hash of all that a voice is heard by: a trained one may have new adapters and nothing else.

    Raises:
        VoiceError: the file of a trained voice cannot be read.
    """
    digest = hashlib.sha256(voice.text.encode(errors="surrogatepass"))
    for tensor in (voice.tokens, voice.mel, voice.embedding, voice.f0, voice.adaptation):
        digest.update(b"none" if tensor is None else str(tuple(tensor.shape)).encode())
        if tensor is not None:
            digest.update(tensor.contiguous().numpy().tobytes())
    if voice.adapter is not None:
        digest.update(voice.adapter.sha256().encode())
    return digest.hexdigest()
