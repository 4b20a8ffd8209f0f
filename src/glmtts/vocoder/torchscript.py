"""The released 32 kHz Vocos2D, a TorchScript file: a program. It runs only where the user allows it, and confined.

TorchScript can open and change files (`torch.from_file`), so a bundle from a stranger that holds such a program could
do what its user can. It runs in a process of its own with an empty environment and folder (confined.py).
"""

import hashlib
import logging
import struct
import subprocess
import sys
import tempfile
import threading
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Self

import numpy as np
import torch
from torch import Tensor

from glmtts.audio.mel import MelConfig
from glmtts.config import Count
from glmtts.errors import BundleError
from glmtts.vocoder.confined import LITTLE, READY
from glmtts.vocoder.geometry import MelGeometry

logger = logging.getLogger(__name__)
# SHA-256 of programs that run without being allowed: the release's `vocos2d/generator_jit.ckpt` of each revision. Empty
# until a hash is copied from the Hub's own listing; one computed from a downloaded file would only trust that file.
RELEASED_PROGRAMS: frozenset[str] = frozenset()
LONGEST_START = 300.0  # seconds; torch alone takes 3 to import, on a machine that swaps a minute
LONGEST_CALL = 120.0  # seconds; a choice
KERNEL_WALLS = {"landlock", "seccomp"}


class TorchScriptVocoderConfig(MelGeometry):
    """Geometry of the mel; the program takes it minus `mel_mean`."""

    sample_rate: Count = 32000
    n_fft: Count = 2560
    hop_length: Count = 640
    mel_mean: float = 7.847762537473608


def is_archive(path: Path) -> bool:
    """Whether a file looks like a TorchScript program that is whole: a zip archive with code in it. Runs nothing."""
    try:
        with zipfile.ZipFile(path) as archive:  # its list of contents comes last, and is missed in what was cut
            names = [name.partition("/")[2] for name in archive.namelist()]
    except (OSError, ValueError, NotImplementedError, zipfile.BadZipFile):
        return False
    return "constants.pkl" in names and any(name.startswith("code/") for name in names)


class TorchScriptVocoder:
    """Log-mel to waveform through the released program.

    `walls` names what holds it: "limits", "landlock", "seccomp".
    """

    RUNS_PROGRAM = True  # a bundle opens it only where its user allows that

    def __init__(self, process: subprocess.Popen, config: TorchScriptVocoderConfig, folder: object) -> None:
        self.config, self._process, self._folder = config, process, folder
        self._lock = threading.Lock()
        self.walls: set[str] = set()

    @classmethod
    def open(cls, path: Path, config: TorchScriptVocoderConfig, allow_program: bool = False) -> Self:
        """Start the process and load the program there.

        Raises:
            BundleError: the program is not the release's and not allowed, or the file is no TorchScript program.
        """
        program = path.read_bytes()  # read once: what is hashed is what runs
        # a word is no leave: allow_program="no" would be true
        if allow_program is not True and hashlib.sha256(program).hexdigest() not in RELEASED_PROGRAMS:
            raise BundleError(
                f"{path} is a program (TorchScript) that comes with the bundle, not only weights. If you trust who "
                "made it, allow it: --allow-program, in Python load(..., allow_program=True). "
                "Else convert the release with --vocoder hift."
            )
        folder = tempfile.TemporaryDirectory()
        process = subprocess.Popen(
            # -I: no PYTHON… variables, and neither the folder of the script nor the user's packages on the path
            [sys.executable, "-I", str(Path(__file__).with_name("confined.py"))],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"},  # Landlock holds only threads begun after it
            cwd=folder.name,
        )
        vocoder = cls(process, config, folder)
        try:
            vocoder._start(program)
        except (OSError, struct.error):
            vocoder.close()
            raise BundleError(
                f"{path} is no TorchScript program that runs confined. Fetch the release again."
            ) from None
        return vocoder

    @property
    def mel(self) -> MelConfig:
        """Geometry of the mel that it takes."""
        return self.config.mel

    @property
    def look_ahead(self) -> None:
        """Unknown, since it is a program."""
        return None

    def _start(self, program: bytes) -> None:
        with self._deadline(LONGEST_START):
            self._input.write(struct.pack("<qq", torch.get_num_threads(), len(program)) + program)
            self._input.flush()
            if self._output.read(len(READY)) != READY:
                raise OSError("it ended")
            (length,) = struct.unpack(LITTLE, self._output.read(8))
            self.walls = set(self._output.read(min(length, 100)).decode("ascii", "replace").split(","))
        if not self.walls >= KERNEL_WALLS:
            logger.warning("The vocoder's program runs without a full sandbox here; it has: %s.", self.walls or "none")

    def __call__(self, mel_BMT: Tensor) -> Tensor:
        """Log-mel (1, M, T) to samples (1, N).

        Raises:
            BundleError: the program failed, took too long, or gave what cannot be the sound of this mel.
        """
        mel = (mel_BMT[0].T.cpu() - self.config.mel_mean).contiguous().numpy().astype("<f4")
        # the program says how long its answer is: no more is read than this mel can sound
        most = (len(mel) + 1) * self.config.hop_length + self.config.n_fft
        try:
            with self._lock, self._deadline(LONGEST_CALL):
                self._input.write(np.array(mel.shape, "<i8").tobytes() + mel.tobytes())
                self._input.flush()
                (count,) = struct.unpack(LITTLE, self._output.read(8))
                wave = np.frombuffer(self._output.read(4 * count) if 0 < count <= most else b"", "<f4")
        except (OSError, struct.error, ValueError):
            raise BundleError("The released vocoder's program stopped. Convert with --vocoder hift instead.") from None
        if len(wave) != count or not np.isfinite(wave).all():
            self.close()
            raise BundleError("The vocoder's program gave no sound for this mel. Convert with --vocoder hift instead.")
        return torch.from_numpy(wave.copy())[None].to(mel_BMT.device)

    @contextmanager
    def _deadline(self, seconds: float) -> Iterator[None]:
        """End the process where it does not answer in time, so that nobody waits for it for ever."""
        timer = threading.Timer(seconds, self._process.kill)
        timer.daemon = True
        timer.start()
        try:
            yield
        finally:
            timer.cancel()

    def close(self) -> None:
        """End the process."""
        self._process.kill()
        self._process.wait()
        for pipe in (self._input, self._output):
            try:
                pipe.close()
            except OSError:  # what was not yet written goes nowhere
                continue

    def __del__(self) -> None:
        if self._process.poll() is None:
            self.close()

    @property
    def _input(self) -> IO[bytes]:
        assert self._process.stdin is not None
        return self._process.stdin

    @property
    def _output(self) -> IO[bytes]:
        assert self._process.stdout is not None
        return self._process.stdout
