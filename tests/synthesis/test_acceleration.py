"""What is said without the host is what is said with it, where nothing is drawn by chance."""

from pathlib import Path

import pytest
import torch

import glmtts
from glmtts.errors import ConfigError
from glmtts.graphs import chosen

GREEDY = {"temperature": 0.0, "candidates": 2}
CPU, GPU = torch.device("cpu"), torch.device("cuda")


def test_greedy_speech_and_streams_are_the_same(tiny_folder: Path) -> None:
    waves = []
    for acceleration in ("none", "graphs"):  # without a GPU the work of graphs runs as it is
        with glmtts.load(tiny_folder, device="cpu", acceleration=acceleration) as tts:
            whole = tts.say("Good morning.", seed=3, **GREEDY).samples  # type: ignore[arg-type]
            parts = [part.samples for part in tts.stream("Good morning.", seed=3, **GREEDY)]  # type: ignore[arg-type]
            waves.append((whole, torch.cat(parts)))
    for plain, found in zip(*waves, strict=True):
        torch.testing.assert_close(found, plain, atol=1e-3, rtol=0)
        assert plain.abs().max() > 1e-2


def test_one_seed_says_one_thing(tiny_folder: Path) -> None:
    with glmtts.load(tiny_folder, device="cpu", acceleration="graphs") as tts:
        alone = tts.say("Good morning.", seed=3).samples
        among = tts.say_batch(["Good evening to you.", "Good morning."], seeds=[1, 3])[1].samples
        torch.testing.assert_close(among, alone, atol=1e-3, rtol=0)
        assert len(tts.say("Good morning.", seed=4).samples) != len(alone)


def test_graphs_are_for_gpus_unless_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    assert (chosen("auto", CPU), chosen("auto", GPU)) == ("none", "graphs")
    monkeypatch.setenv("GLMTTS_ACCELERATION", "compile")
    assert (chosen("auto", GPU), chosen("none", GPU)) == ("compile", "none")
    with pytest.raises(ConfigError, match="Choose one of auto, none, graphs, compile"):
        chosen("fast", CPU)
