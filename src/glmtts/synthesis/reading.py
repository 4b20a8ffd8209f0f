"""Long texts: read piece by piece with constant memory, into a file, going on after a break.

While it works, a folder `.NAME.part` beside the output holds the samples so far (int16) and a journal with a line a
piece. A killed run loses the piece it was at; the same command goes on with that.
"""

import hashlib
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, Unpack

from torch import Tensor

from glmtts.audio.io import check_writable
from glmtts.memory import set_malloc_trim
from glmtts.synthesis.journal import Journal
from glmtts.synthesis.options import Options
from glmtts.synthesis.subtitles import check_suffix, write_subtitles
from glmtts.synthesis.synthesizer import AnyVoice, Synthesizer
from glmtts.synthesis.text_stream import pieces_of


def read_book(
    tts: Synthesizer,
    text: Iterable[str],
    out: str | Path,
    voice: AnyVoice = None,
    *,
    seed: int = 0,
    subtitles: str | Path | None = None,
    restart: bool = False,
    progress: Callable[[str], None] = lambda piece: None,
    **options: Unpack[Options],
) -> float:
    """Read `text` (its parts, such as lines) into the file `out`; gives its length in seconds.

    Every piece is spoken with the same voice prompt, so the voice stays. `progress` is told each piece when it is
    done, also those that an earlier run did. `subtitles` is a path that ends in .srt or .vtt.

    Raises:
        AudioError: a path cannot be written, or the disk is full; what was read stays for the next run.
        ConfigError: an earlier run of another text, voice, model or setting is unfinished there.
        TextError, VoiceError: as `Synthesizer.say`.
    """
    out = Path(out)
    check_writable(out)
    set_malloc_trim()
    if subtitles is not None:
        check_suffix(Path(subtitles))
    chosen = tts.voice(voice)
    about = {
        "voice": _digest(chosen.tokens, chosen.mel, chosen.embedding),
        "seed": seed,
        "model": {name: entry.sha256 for name, entry in tts.bundle.config.modules.items()},
        "options": _described(options),
    }
    journal = Journal(out.with_name(f".{out.name}.part"), {**about, "rate": tts.bundle.config.sample_rate}, restart)
    number = -1
    for number, piece in enumerate(pieces_of(tts.frontend, text, options.get("language"))):
        if number < len(journal.cues):
            journal.expect(number, piece.text)
        else:
            journal.add(*tts.speak_timed(piece, chosen, seed + number, **options))
        progress(piece.text)
    journal.expect_no_more_than(number + 1)
    journal.encode(out, tts.bundle.config.name)
    if subtitles is not None:
        write_subtitles(subtitles, journal.cues)
    journal.remove()
    return journal.samples / journal.rate


def _described(options: Options) -> dict[str, Any]:
    """Options as JSON."""
    words = options.get("pronunciations")
    return {**options, "pronunciations": dict(words.words) if words is not None else None}


def _digest(*tensors: Tensor) -> str:
    digest = hashlib.sha256()
    for tensor in tensors:
        digest.update(tensor.contiguous().numpy().tobytes())
    return digest.hexdigest()
