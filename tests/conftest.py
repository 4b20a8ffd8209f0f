"""Fixtures shared by all tests.

PyTorch is imported where it is needed: the process that hands the tests to the others then starts them seconds earlier.
"""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

SHARED = Path(__file__).resolve().parents[2] / "shared"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the long files, so that the last one to end is a short one."""
    items.sort(key=lambda item: item.get_closest_marker("long") is None)


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of speech and texts that lies beside a developer's checkout."""
    if not SHARED.is_dir():
        pytest.skip("needs the folder `shared` with speech and texts beside the checkout")
    return SHARED


@pytest.fixture(scope="session")
def parity() -> Path:
    """Inputs and outputs of the released code, with weights made by the rule of tests/parity.py."""
    return Path(__file__).parent / "data" / "parity"


@pytest.fixture(scope="session", autouse=True)
def unhalted() -> None:
    """Two threads that share a busy core halt each other: three tests took 240 s so, 20 s with one."""
    import torch

    torch.set_num_threads(1)


@pytest.fixture(autouse=True)
def seeded() -> None:
    """Every test starts from the same seed."""
    import torch

    torch.manual_seed(0)


@pytest.fixture(scope="session")
def ray_cluster() -> Iterator[None]:
    """A Ray cluster on this machine: one a process, since a start takes seconds and sometimes fails."""
    os.environ.update(RAY_USAGE_STATS_ENABLED="0", RAY_AUTH_MODE="disabled")
    ray = pytest.importorskip("ray", reason="needs Ray: pip install '.[ray]'")
    root = Path(__file__).parents[1]
    path = {"env_vars": {"PYTHONPATH": f"{root / 'src'}:{root}", "OMP_NUM_THREADS": "1"}}
    for last in (False, False, True):
        try:
            ray.init(
                num_cpus=4, include_dashboard=False, log_to_driver=False, runtime_env=path, _node_ip_address="127.0.0.1"
            )
            break
        except Exception:  # a plain one: in two of seven long runs its raylet died without a word
            ray.shutdown()
            if last:
                raise
    yield
    ray.shutdown()


@pytest.fixture(scope="session")
def tiny_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a bundle of tiny random models."""
    import torch

    from tests.tiny import tiny_bundle

    torch.manual_seed(0)
    return tiny_bundle(tmp_path_factory.mktemp("bundle") / "tiny")
