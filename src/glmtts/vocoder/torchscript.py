"""The released 32 kHz Vocos2D, a TorchScript file: a program, so it runs in a process of its own.

That process has an empty environment and an empty folder, may open no file for writing, and talks over pipes in plain
bytes: frames and mels as two little-endian int64, then float32 values; it answers with samples likewise.
"""

import subprocess
import sys
import tempfile
from pathlib import Path
from typing import IO, Self

import numpy as np
import torch
from torch import Tensor

from glmtts.audio.mel import MelConfig
from glmtts.errors import BundleError
from glmtts.vocoder.geometry import MelGeometry

READY = b"ready"
_SERVE = """
import resource, sys
resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
import numpy, torch
model = torch.jit.load(sys.argv[1], map_location="cpu").eval()
source, sink = sys.stdin.buffer, sys.stdout.buffer
sink.write(b"ready"); sink.flush()
while header := source.read(16):
    frames, mels = numpy.frombuffer(header, "<i8")
    data = source.read(4 * int(frames * mels))
    mel = torch.from_numpy(numpy.frombuffer(data, "<f4").reshape(1, frames, mels).copy())
    with torch.inference_mode():
        wave = model(mel).float().flatten().numpy()
    sink.write(numpy.array([len(wave)], "<i8").tobytes() + wave.astype("<f4").tobytes()); sink.flush()
"""


class TorchScriptVocoderConfig(MelGeometry):
    """Geometry of the mel; the program takes it minus `mel_mean`."""

    sample_rate: int = 32000
    n_fft: int = 2560
    hop_length: int = 640
    mel_mean: float = 7.847762537473608


class TorchScriptVocoder:
    """Log-mel to waveform through the released program."""

    def __init__(self, process: subprocess.Popen, config: TorchScriptVocoderConfig, folder: object) -> None:
        self.config, self._process, self._folder = config, process, folder

    @classmethod
    def open(cls, path: Path, config: TorchScriptVocoderConfig) -> Self:
        """Start the process and load the program there.

        Raises:
            BundleError: the file is no TorchScript program.
        """
        folder = tempfile.TemporaryDirectory()
        process = subprocess.Popen(
            [sys.executable, "-I", "-c", _SERVE, str(path.resolve())],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={},
            cwd=folder.name,
        )
        vocoder = cls(process, config, folder)
        if vocoder._output.read(len(READY)) != READY:
            vocoder.close()
            raise BundleError(f"{path} is no TorchScript program. Fetch the release again.")
        return vocoder

    @property
    def mel(self) -> MelConfig:
        """Geometry of the mel that it takes."""
        return self.config.mel

    @property
    def look_ahead(self) -> None:
        """Unknown, since it is a program."""
        return None

    def __call__(self, mel_BMT: Tensor) -> Tensor:
        """Log-mel (1, M, T) to samples (1, N).

        Raises:
            BundleError: the program failed.
        """
        mel = (mel_BMT[0].T.cpu() - self.config.mel_mean).contiguous().numpy().astype("<f4")
        try:
            self._input.write(np.array(mel.shape, "<i8").tobytes() + mel.tobytes())
            self._input.flush()
            count = int(np.frombuffer(self._output.read(8), "<i8")[0])
            wave = np.frombuffer(self._output.read(4 * count), "<f4")
        except (BrokenPipeError, IndexError):
            raise BundleError("The released vocoder's program stopped. Convert with --vocoder hift instead.") from None
        return torch.from_numpy(wave.copy())[None].to(mel_BMT.device)

    def close(self) -> None:
        """End the process."""
        self._process.kill()
        self._process.wait()
        for pipe in (self._input, self._output):
            pipe.close()

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
