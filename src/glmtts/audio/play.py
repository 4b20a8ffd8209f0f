"""Sound from the loudspeakers, by a program that the system has: no sound library is a dependency."""

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from types import TracebackType
from typing import Self

from numpy.typing import ArrayLike

from glmtts.audio.io import write_audio
from glmtts.errors import AudioError

PLAYERS = (  # each takes a WAV file as its last argument
    ("afplay",),  # macOS
    ("pw-play",),
    ("paplay",),
    ("aplay", "-q"),
    ("ffplay", "-nodisp", "-autoexit", "-loglevel", "error"),
    ("mpv", "--really-quiet", "--no-video"),
    ("play", "-q"),
)
WINDOWS = "import sys, winsound; winsound.PlaySound(sys.argv[1], winsound.SND_FILENAME)"


class Player:
    """Plays samples one after another, each while the next are made; as a context manager it waits for the last."""

    def __init__(self) -> None:
        """Find a program.

        Raises:
            AudioError: there is none.
        """
        self._command = _player()
        self._folder = tempfile.TemporaryDirectory(prefix="glm-tts-", ignore_cleanup_errors=True)
        self._count = 0
        self._playing: subprocess.Popen[bytes] | None = None

    def play(self, samples_T: ArrayLike, rate: int) -> None:
        """Begin to play samples (T,) at `rate` Hz, once those before them have been heard.

        Raises:
            AudioError: the program cannot play.
        """
        self._count += 1
        path = Path(self._folder.name) / f"{self._count % 2}.wav"  # the other one is being played
        write_audio(path, samples_T, rate)
        # only after the file is written, so that it is ready when the one before has been heard
        self.wait()
        command = [*self._command, str(path)]
        self._playing = subprocess.Popen(command, stdin=subprocess.DEVNULL, stderr=subprocess.PIPE)

    def wait(self) -> None:
        """Wait until what was given is heard. Raises AudioError where the program failed."""
        if self._playing is None:
            return
        _, said = self._playing.communicate()
        code, self._playing = self._playing.returncode, None
        if code:
            reason = said.decode(errors="replace").strip().rpartition("\n")[2] or f"it ended with {code}"
            raise AudioError(f"{self._command[0]} cannot play: {reason.rstrip('.')}. Write a file with -o instead.")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        try:
            if kind is None:
                self.wait()
            elif self._playing is not None:
                self._playing.kill()
                self._playing.wait()
        finally:
            self._folder.cleanup()


def _player() -> tuple[str, ...]:
    if os.name == "nt":
        return (sys.executable, "-c", WINDOWS)
    found = next((player for player in PLAYERS if shutil.which(player[0])), None)
    if found is None:
        names = ", ".join(player[0] for player in PLAYERS)
        raise AudioError(f"No program that plays sound is here. Install one of {names}, or write a file with -o.")
    return found
