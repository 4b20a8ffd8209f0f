"""What the images' descriptions say, as far as it can be tried without building them."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import httpx
import pytest
import yaml

from tests.server.running import PATIENCE, Running, free_port

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("serves", [True, False])
def test_the_health_check_asks_this_server_and_no_proxy(server: Running, serves: bool) -> None:
    """Docker gives its client's proxies to every container, as the variable http_proxy."""
    written = re.search(r"^HEALTHCHECK .*\\\n +CMD (\[.*\])$", (ROOT / "Dockerfile").read_text(), re.MULTILINE)
    assert written is not None
    port = httpx.URL(server.url).port if serves else free_port()
    command = [sys.executable, *(part.replace("8000", str(port)) for part in json.loads(written[1])[1:])]
    proxied = {**os.environ, "http_proxy": f"http://127.0.0.1:{free_port()}"}
    done = subprocess.run(command, env=proxied, capture_output=True, timeout=PATIENCE, check=False)
    assert (done.returncode == 0) == serves, done.stderr


def test_the_user_of_the_pipeline_may_write_its_volumes() -> None:
    """A new volume gets the owner of the image's folder where it is mounted: root, where there is none."""
    folder = ROOT / "deploy" / "pipeline"
    described, image = yaml.safe_load((folder / "compose.yaml").read_text()), (folder / "Dockerfile").read_text()
    mounts = [mount for service in described["services"].values() for mount in service["volumes"]]
    named = {mount.split(":")[1] for mount in mounts if mount.split(":")[0] in described["volumes"]}
    assert named
    for place in named:
        assert f"install -d -o pipeline -g pipeline {place}\n" in image
