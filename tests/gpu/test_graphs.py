"""CUDA graphs and compiled blocks compute what runs without them computes."""

import copy
import warnings

import pytest
import torch

from glmtts.flow.dit import DiT
from glmtts.graphs import Acceleration, CudaGraphs
from glmtts.lm.batch import DecodingBatch
from glmtts.lm.model import Llama
from glmtts.lm.request import Request, SamplingConfig
from glmtts.stages import Conditions, Solver
from glmtts.text.audio_tokens import AudioTokens
from tests.tiny import CODES, tiny_flow, tiny_lm

LAYOUT = AudioTokens(first=40, count=16, begin=38, end=39, padding=37)
GREEDY = SamplingConfig(temperature=0, min_ratio=5, max_ratio=30)
DRAWN = SamplingConfig(min_ratio=5, max_ratio=30)


@pytest.fixture(autouse=True)
def no_recording_fails() -> None:
    warnings.simplefilter("error", RuntimeWarning)


@pytest.fixture(scope="module")
def model() -> Llama:
    torch.manual_seed(0)
    return tiny_lm(56).eval().requires_grad_(False)


def requests(device: str, sampling: SamplingConfig) -> list[Request]:
    return [
        Request([number, 3, 5, LAYOUT.begin], sampling, 2 + number, torch.Generator(device).manual_seed(number))
        for number in range(6)
    ]


def decoded(model: Llama, acceleration: Acceleration, sampling: SamplingConfig, every: int = 2) -> list[list[int]]:
    """Tokens of requests that come one after another, on the device of the model."""
    model.accelerate(acceleration)
    wanted = requests(model.device.type, sampling)
    batch, waiting, step = DecodingBatch(model, LAYOUT), list(wanted), 0
    while waiting or batch.requests:
        if waiting and step % every == 0:
            batch.join([waiting.pop(0)])
        batch.step()
        step += 1
    return [one.tokens for one in wanted]


def test_graphs_say_what_a_growing_cache_says(model: Llama, gpu: torch.device) -> None:
    own = copy.deepcopy(model).to(gpu)
    assert decoded(own, "graphs", GREEDY) == decoded(own, "none", GREEDY)
    assert decoded(own, "graphs", GREEDY) == decoded(model, "none", GREEDY)


def test_the_same_seed_draws_the_same_in_graphs_as_on_a_cpu(model: Llama, gpu: torch.device) -> None:
    own = copy.deepcopy(model).to(gpu)
    assert decoded(own, "graphs", DRAWN) == decoded(own, "graphs", DRAWN, every=5)
    same = zip(decoded(own, "graphs", DRAWN), decoded(model, "graphs", DRAWN), strict=True)
    assert sum(one == other for one, other in same) >= 5  # a sum in another order may choose a neighbour


def test_compiled_layers_do_too(model: Llama, gpu: torch.device) -> None:
    own = copy.deepcopy(model).to(gpu)
    assert decoded(own, "compile", GREEDY) == decoded(own, "none", GREEDY)


@pytest.mark.parametrize("acceleration", ["graphs", "compile"])
def test_a_flow_integrates_to_the_same_mel(acceleration: Acceleration, gpu: torch.device) -> None:
    torch.manual_seed(1)
    network: DiT = tiny_flow().eval().requires_grad_(False).to(gpu)
    for block in network.transformer_blocks:
        torch.nn.init.normal_(block.attn_norm.linear.weight, std=0.3)
    for tokens in (40, 75, 40):
        given = Conditions(
            torch.randint(CODES, (2, tokens), device=gpu),
            torch.randn(2, 192, device=gpu),
            torch.randn(2, 80, 10, device=gpu),
            torch.tensor([120.0, 200.0], device=gpu),
        )
        noise_BTM = torch.randn(2, 2 * tokens, 80, device=gpu)
        plain_BMT, _ = network.sample(given, noise_BTM, Solver(3))
        network.accelerate(acceleration)
        found_BMT, _ = network.sample(given, noise_BTM, Solver(3))
        torch.testing.assert_close(found_BMT, plain_BMT, atol=1e-3, rtol=1e-3)
        if acceleration == "graphs":
            network.accelerate("none")


def test_what_waits_for_the_host_runs_as_it_is(gpu: torch.device) -> None:
    warnings.simplefilter("default", RuntimeWarning)
    graphs, values = CudaGraphs(gpu, 2), torch.ones(3, device=gpu)
    with pytest.warns(RuntimeWarning, match="CUDA graphs are not used"):
        assert graphs.run("sum", lambda: float(values.sum())) == 3
    values += 1
    assert graphs.run("sum", lambda: float(values.sum())) == 6


def test_state_is_as_one_run_leaves_it(gpu: torch.device) -> None:
    graphs, count = CudaGraphs(gpu, 1), torch.zeros((), dtype=torch.long, device=gpu)
    for key in ("a", "a", "b", "a"):
        graphs.run(key, lambda: count.add_(1), count)
    assert int(count) == 4
