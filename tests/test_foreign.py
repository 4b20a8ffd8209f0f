"""Weights that others published: every form that they come in, and files that are none."""

import pickle
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from glmtts.errors import DataError, EvaluationError
from glmtts.foreign import filled, read_weights


class Code:
    """Leaves a file behind where somebody unpickles it."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple:
        return Path.touch, (self.path,)


def network() -> nn.Module:
    return nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4))


@pytest.mark.parametrize("wrapper", [None, "state_dict", "model_state_dict", "model", "safetensors", "old"])
@pytest.mark.parametrize("device", ["cpu", "meta"])
def test_weights_in_every_form(wrapper: str | None, device: str, tmp_path: Path) -> None:
    """Built in memory or only announced, the network computes what the published one does."""
    published, path = network().eval(), tmp_path / ("w.safetensors" if wrapper == "safetensors" else "w.pt")
    if wrapper == "safetensors":
        save_file(published.state_dict(), path)
    else:
        state = published.state_dict()
        whole = {wrapper: state, "epoch": 3} if wrapper not in (None, "old") else state
        torch.save(whole, path, _use_new_zipfile_serialization=wrapper != "old")
    with torch.device(device):
        empty = network()
    mine = filled(empty, read_weights(path, "it", DataError), "it", DataError)
    x = torch.randn(5, 3)
    assert torch.equal(mine(x), published(x))
    assert not mine.training
    assert not any(parameter.requires_grad for parameter in mine.parameters())


def test_no_code_is_run(tmp_path: Path) -> None:
    torch.save({"a": torch.zeros(1), "b": Code(tmp_path / "ran")}, tmp_path / "evil.pt")
    (tmp_path / "plain.pt").write_bytes(pickle.dumps(Code(tmp_path / "ran")))
    for name in ("evil.pt", "plain.pt"):
        with pytest.raises(EvaluationError, match="could run code"):
            read_weights(tmp_path / name, "it", EvaluationError)
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize("kept", [0, 1, 2, 40, 0.5, 0.99])
@pytest.mark.parametrize("suffix", [".pt", ".safetensors"])
def test_files_that_are_cut_off(kept: float, suffix: str, tmp_path: Path) -> None:
    path = tmp_path / f"w{suffix}"
    (save_file if suffix == ".safetensors" else torch.save)(network().state_dict(), path)
    whole = path.read_bytes()
    path.write_bytes(whole[: int(kept if kept > 1 or kept == 0 or kept == 1 else kept * len(whole))])
    with pytest.raises(DataError, match="no weights of it"):
        read_weights(path, "it", DataError)


def test_what_is_no_network_of_this_kind(tmp_path: Path) -> None:
    torch.save({"epoch": 3}, tmp_path / "numbers.pt")
    for name in ("nowhere.pt", "nowhere.safetensors", "numbers.pt"):
        with pytest.raises(DataError, match="no weights of it"):
            read_weights(tmp_path / name, "it", DataError)
    with pytest.raises(EvaluationError, match=r"no weights of it: .*size mismatch"):
        filled(nn.Linear(3, 4), nn.Linear(4, 4).state_dict(), "it", EvaluationError)
