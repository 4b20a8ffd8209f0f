"""A program that comes with a bundle runs only when allowed, and then it reaches nothing."""

import socket
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from torch import Tensor

from glmtts.errors import BundleError
from glmtts.vocoder import confined, torchscript
from glmtts.vocoder.torchscript import TorchScriptVocoder, TorchScriptVocoderConfig

CONFIG = TorchScriptVocoderConfig(hop_length=8, n_mels=4, n_fft=16)
MEL = torch.randn(1, 4, 5)


class Honest(torch.nn.Module):
    """Has a convolution and a Fourier transform, as vocoders do."""

    def __init__(self) -> None:
        super().__init__()
        self.conv, self.out = torch.nn.Conv1d(4, 4, 3, padding=1), torch.nn.Linear(4, 8)

    def forward(self, mel_BTM: Tensor) -> Tensor:
        wave = self.out(self.conv(mel_BTM.mT).mT).flatten()
        return torch.fft.irfft(torch.fft.rfft(wave))


class Thief(torch.nn.Module):
    """Gives the bytes of a file as sound, and overwrites another."""

    def __init__(self, read: str, overwritten: str) -> None:
        super().__init__()
        self.read, self.overwritten = read, overwritten

    def forward(self, mel_BTM: Tensor) -> Tensor:
        secret = torch.from_file(self.read, False, 6, dtype=torch.uint8)
        torch.from_file(self.overwritten, True, 6, dtype=torch.uint8).zero_()
        return secret.float()


class Liar(torch.nn.Module):
    def __init__(self, samples: int, value: float) -> None:
        super().__init__()
        self.samples, self.value = samples, value

    def forward(self, mel_BTM: Tensor) -> Tensor:
        return torch.full((self.samples,), self.value)


class Endless(torch.nn.Module):
    def forward(self, mel_BTM: Tensor) -> Tensor:
        while bool(mel_BTM.numel() > 0):
            mel_BTM = mel_BTM + 1
        return mel_BTM


def saved(folder: Path, module: torch.nn.Module) -> Path:
    torch.jit.script(module).save(str(folder / "program.pt"))
    return folder / "program.pt"


def test_a_known_program_gives_what_it_gives_here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It needs no leave; any other does, as those of the tests below have."""
    module = Honest().eval()
    path = saved(tmp_path, module)
    for leave in (False, None, "no", "false", 1):
        with pytest.raises(BundleError, match="--allow-program"):
            TorchScriptVocoder.open(path, CONFIG, leave)  # type: ignore[arg-type]
    known = torchscript.hashlib.sha256(path.read_bytes()).hexdigest()
    monkeypatch.setattr(torchscript, "RELEASED_PROGRAMS", frozenset({known}))
    vocoder = TorchScriptVocoder.open(path, CONFIG)
    with torch.inference_mode():
        expected = module((MEL - CONFIG.mel_mean).mT)
    for _ in range(2):
        torch.testing.assert_close(vocoder(MEL)[0], expected, atol=1e-5, rtol=1e-5)
    vocoder.close()


def test_a_program_reads_and_changes_no_file(tmp_path: Path) -> None:
    for name in ("read", "overwritten"):
        (tmp_path / name).write_bytes(b"secret")
    thief = Thief(str(tmp_path / "read"), str(tmp_path / "overwritten"))
    assert bytes(thief(MEL).byte().tolist()) == b"secret"  # here it can
    (tmp_path / "overwritten").write_bytes(b"secret")
    vocoder = TorchScriptVocoder.open(saved(tmp_path, thief), CONFIG, allow_program=True)
    with pytest.raises(BundleError, match="stopped"):
        vocoder(MEL)
    assert (tmp_path / "overwritten").read_bytes() == b"secret"


def test_answers_that_cannot_be_its_sound_are_refused(tmp_path: Path) -> None:
    for samples, value in ((10_000, 0.0), (40, float("nan"))):
        vocoder = TorchScriptVocoder.open(saved(tmp_path, Liar(samples, value)), CONFIG, allow_program=True)
        with pytest.raises(BundleError, match="no sound"):
            vocoder(MEL)


def test_nobody_waits_for_ever(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torchscript, "LONGEST_CALL", 0.5)
    vocoder = TorchScriptVocoder.open(saved(tmp_path, Endless()), CONFIG, allow_program=True)
    with pytest.raises(BundleError, match="stopped"):
        vocoder(MEL)


def test_what_is_no_program_is_refused(tmp_path: Path) -> None:
    (tmp_path / "program.pt").write_bytes(b"no program")
    with pytest.raises(BundleError, match="no TorchScript program"):
        TorchScriptVocoder.open(tmp_path / "program.pt", CONFIG, allow_program=True)


ATTEMPTS = {
    "open": "open(sys.argv[2], 'rb')",
    "write": "open(sys.argv[2], 'r+b')",
    "connect": "socket.socket().connect((b'127.0.0.1', int(sys.argv[3])))",
    "fork": "os.fork()",
    "execute": "os.execv(sys.executable, [sys.executable, '-c', ''])",
    "kill": "os.kill(os.getppid(), 0)",
}
BEHIND = """
import ctypes, os, runpy, socket, sys
script = runpy.run_path(sys.argv[1])
libc = ctypes.CDLL(None, use_errno=True)
libc.syscall.restype = ctypes.c_long
libc.prctl(38, 1, 0, 0, 0)
arguments = [] if "{wall}" == "limits" else [libc]
if not script["_{wall}"](*arguments):
    print("missing"); sys.exit()
try:
    {attempt}
except OSError:
    print("refused", flush=True)
else:
    print("done", flush=True)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="walls of the Linux kernel")
@pytest.mark.parametrize(
    ("wall", "attempts"),
    [
        ("limits", ("open", "write", "connect")),
        ("landlock", ("open", "write", "connect", "execute")),
        ("seccomp", tuple(ATTEMPTS)),
    ],
)
def test_each_wall_holds_by_itself(tmp_path: Path, wall: str, attempts: tuple[str, ...]) -> None:
    (tmp_path / "file").write_bytes(b"secret")
    with socket.create_server(("127.0.0.1", 0)) as listening:
        for attempt in attempts:
            code = BEHIND.format(wall=wall, attempt=ATTEMPTS[attempt])
            arguments = [confined.__file__, str(tmp_path / "file"), str(listening.getsockname()[1])]
            done = subprocess.run([sys.executable, "-c", code, *arguments], capture_output=True, text=True, check=False)
            if done.stdout == "missing\n":
                pytest.skip(f"this system has no {wall}")
            assert done.stdout == "refused\n", (attempt, done.stdout, done.stderr)
