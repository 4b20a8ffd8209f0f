"""Low-rank adapters: rows of one batch use different ones, each as if alone."""

import pytest
import torch
from torch import nn

from glmtts.adapters import Adapter, LowRank, RowAdapters, attach
from glmtts.errors import VoiceError
from glmtts.lm.batch import DecodingBatch
from glmtts.lm.request import Request, SamplingConfig
from glmtts.stages import Conditions, Solver
from glmtts.text.audio_tokens import AudioTokens
from tests.tiny import CODES, tiny_flow, tiny_lm

LAYOUT = AudioTokens(first=40, count=16, begin=38, end=39, padding=37)
SAMPLING = SamplingConfig(min_ratio=1, max_ratio=6)


def adapter_of(network: nn.Module, seed: int, size: float = 0.3) -> Adapter:
    """A random adapter of every linear layer but one, with ranks of 1 to 4."""
    torch.manual_seed(seed)
    layers = {name: layer for name, layer in network.named_modules() if isinstance(layer, nn.Linear)}
    layers.pop(list(layers)[seed % len(layers)])
    parts = {}
    for number, (name, layer) in enumerate(layers.items()):
        rank = 1 + (seed + number) % 4
        parts[name] = LowRank(torch.randn(rank, layer.in_features), size * torch.randn(layer.out_features, rank))
    return Adapter(parts)


def request(number: int, adapter: Adapter | None) -> Request:
    prompt = [(7 * number + place) % 37 for place in range(2 + 5 * (number % 4))]
    generator = torch.Generator().manual_seed(number)
    return Request([*prompt, LAYOUT.begin], SAMPLING, 3 + number % 5, generator, adapter=adapter)


def test_sixteen_requests_with_eight_adapters_speak_as_if_alone() -> None:
    model = tiny_lm(56).eval()
    adapters = [None, *(adapter_of(model, seed) for seed in range(8))]

    def spoken(numbers: list[int]) -> list[list[int]]:
        requests, batch = [request(number, adapters[number % 9]) for number in numbers], DecodingBatch(model, LAYOUT)
        for one in requests:
            batch.join([one])
            batch.step()
        while batch.requests:
            batch.step()
        return [one.tokens for one in requests]

    alone = [spoken([number])[0] for number in range(16)]
    assert spoken(list(range(16))) == alone
    without = [request(number, None) for number in range(16)]
    for one in without:
        batch = DecodingBatch(model, LAYOUT)
        batch.join([one])
        while batch.requests:
            batch.step()
    changed = [number for number in range(16) if without[number].tokens != alone[number]]
    assert {number % 9 for number in changed} >= {1, 2, 3, 4, 5, 6}
    assert without[0].tokens == alone[0] and without[9].tokens == alone[9]


def test_rows_of_the_flow_have_adapters_of_their_own() -> None:
    flow = tiny_flow().eval()
    adapters = [adapter_of(flow, 1, 0.1), None, adapter_of(flow, 2, 0.1), adapter_of(flow, 1, 0.1)]
    tokens, speakers = torch.randint(CODES, (4, 12)), torch.randn(4, 192)
    noise, f0 = torch.randn(4, 24, 80), torch.full((4,), 150.0)

    def rendered(rows: list[int]) -> torch.Tensor:
        conditions = Conditions(
            tokens[rows], speakers[rows], torch.zeros(len(rows), 80, 0), f0[rows], adapters=[adapters[r] for r in rows]
        )
        return flow.sample(conditions, noise[rows], Solver(steps=2))[0]

    alone = torch.cat([rendered([row]) for row in range(4)])
    torch.testing.assert_close(rendered([0, 1, 2, 3]), alone, atol=2e-4, rtol=1e-4)
    adapters[0] = None
    assert (rendered([0]) - alone[:1]).abs().max() > 0.01


def test_an_adapter_adds_the_product_of_its_factors() -> None:
    network = nn.ModuleDict({"one": nn.Linear(5, 3)})
    part = LowRank(torch.randn(2, 5), torch.randn(3, 2))
    x = torch.randn(4, 5)
    plain = network["one"](x)
    rows = RowAdapters([None, Adapter({"one": part})])
    with rows.applied(network):
        adapted = network["one"](x)
    wanted = plain.clone()
    wanted[[1, 3]] += x[[1, 3]] @ (part.up_OR @ part.down_RI).T
    torch.testing.assert_close(adapted, wanted)
    torch.testing.assert_close(network["one"](x), plain)


@pytest.mark.parametrize("name", ["model.layers.7.mlp.up_proj", "model.layers.0.mlp.up_proj", "model.norm"])
def test_an_adapter_of_another_network_is_refused(name: str) -> None:
    model = tiny_lm(56)
    stranger = Adapter({name: LowRank(torch.randn(1, 7), torch.randn(9, 1))})
    with pytest.raises(VoiceError, match="Use the model it was made for"), RowAdapters([stranger]).applied(model):
        pass


def test_sizes_are_looked_at_where_the_layers_take_part_already() -> None:
    model = tiny_lm(56).eval()
    attach(model, adapter_of(model, 1))
    name, part = next(iter(adapter_of(model, 1).parts.items()))
    wider = Adapter({name: LowRank(part.down_RI, torch.cat([part.up_OR, part.up_OR]))})
    narrower = Adapter({name: LowRank(part.down_RI[:, 1:], part.up_OR)})
    for unfit in (wider, narrower, wider):
        with pytest.raises(VoiceError, match="as one of sizes"):
            attach(model, unfit)
