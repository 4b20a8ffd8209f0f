"""Files say that they are synthetic, and `glm-tts detect` reads it."""

import socket
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch
from typer.testing import CliRunner

from glmtts.audio.io import FORMATS, write_audio
from glmtts.audio.provenance import synthetic_mark, synthetic_tags
from glmtts.cli import app
from glmtts.errors import AudioError

TONE = (0.3 * np.sin(2 * np.pi * 440 * np.arange(24000) / 24000)).astype(np.float32)


@pytest.mark.parametrize("suffix", FORMATS)
def test_written_files_are_marked(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"a{suffix}"
    write_audio(path, torch.from_numpy(TONE), 24000, synthetic_tags("tiny"))
    assert "with the model tiny" in (synthetic_mark(path) or "")
    write_audio(path, torch.from_numpy(TONE), 24000)
    found = CliRunner().invoke(app, ["detect", str(path)])
    assert (found.exit_code, found.output[:16]) == (0, "Synthetic speech")


def test_a_recording_is_not_marked(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "a.wav", TONE, 24000)
    assert synthetic_mark(tmp_path / "a.wav") is None
    assert CliRunner().invoke(app, ["detect", str(tmp_path / "a.wav")]).exit_code == 1


@pytest.mark.parametrize("name", ["http:/{address}/a", "list.m3u8", "list.ffconcat"])
def test_nothing_is_fetched(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """Neither for a name that looks like an address nor for a playlist."""
    monkeypatch.chdir(tmp_path)
    with socket.create_server(("127.0.0.1", 0)) as listening:
        listening.settimeout(0.2)
        address = f"127.0.0.1:{listening.getsockname()[1]}"
        path = Path(name.format(address=address))
        path.parent.mkdir(parents=True, exist_ok=True)
        playlist = f"#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\nhttp://{address}/a.ts\n#EXT-X-ENDLIST\n"
        concat = f"ffconcat version 1.0\nfile http://{address}/a.wav\n"
        path.write_text(concat if name.endswith("ffconcat") else playlist)
        with pytest.raises(AudioError, match="cannot be read"):
            synthetic_mark(path)
        with pytest.raises(TimeoutError):
            listening.accept()


def test_what_is_no_audio_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.wav").write_text("no audio")
    for name in ("a.wav", "missing.wav"):
        with pytest.raises(AudioError, match=name):
            synthetic_mark(tmp_path / name)
