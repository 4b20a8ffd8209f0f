"""The curl lines of the README and of docs/server.md work as they are written."""

import re
import subprocess
from pathlib import Path

import pytest
import soundfile

from tests.server.running import PATIENCE, Running
from tests.server.test_voices import names, recording

ROOT = Path(__file__).resolve().parents[2]


def curl_blocks(page: str) -> list[str]:
    blocks = re.findall(r"^```bash\n(.*?)^```", (ROOT / page).read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    return [block for block in blocks if block.startswith("curl")]


@pytest.mark.parametrize("page", ["README.md", "docs/server.md"])
def test_curl_as_written(server: Running, tmp_path: Path, page: str) -> None:
    (tmp_path / "me.wav").write_bytes(recording())
    blocks = curl_blocks(page)
    assert blocks
    for block in blocks:
        script = block.replace("http://127.0.0.1:8000", server.url).replace('"mini"', '"tiny"')
        script = re.sub(r"^curl ", "curl --fail --silent --show-error ", script, flags=re.MULTILINE)
        command = ["bash", "-euc", script]
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=PATIENCE, check=False)
        assert done.returncode == 0, done.stderr + done.stdout
    assert soundfile.info(tmp_path / "morning.mp3").format == "MP3"
    assert "me" not in names(server.client)
