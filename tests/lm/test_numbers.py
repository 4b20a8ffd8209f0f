"""Logits that are no numbers: the row fails, and its neighbours, and those that come after it, speak as if alone."""

import copy
import threading
from collections.abc import Callable

import numpy as np
import pytest
import torch

from glmtts.adapters import Adapter, LowRank
from glmtts.errors import BundleError, ConfigError, VoiceError
from glmtts.lm import rows
from glmtts.lm.batch import DecodingBatch, bounds
from glmtts.lm.candidates import CandidateSet, decode_sets
from glmtts.lm.model import Llama
from glmtts.lm.request import COLDEST, HOTTEST, NARROWEST, NO_CODE, Request, SamplingConfig
from glmtts.lm.sampling import draw
from glmtts.lm.service import TokenService
from glmtts.lm.static.buffers import RowBuffers
from glmtts.lm.static.decoder import _rules
from glmtts.lm.static.sampling import draw as device_draw
from tests.lm.plain import decode
from tests.lm.static.test_sampling import ROWS, rules
from tests.lm.test_batch import LAYOUT, request
from tests.tiny import tiny_lm

BROKEN = [[torch.nan] * 5, [0.0, torch.inf, 0.0, 0.0, 1.0], [-torch.inf] * 5, [1.0, 2.0, torch.nan, 0.0, 0.0]]


@pytest.fixture(scope="module")
def model() -> Llama:
    torch.manual_seed(0)
    return tiny_lm(56).eval().requires_grad_(False)


def overflowing(model: Llama) -> Adapter:
    """An adapter of finite numbers whose products are none."""
    layer = model.model.layers[0].mlp.down_proj
    down, up = torch.full((1, layer.in_features), 3e38), torch.full((layer.out_features, 1), -3e38)
    return Adapter({"model.layers.0.mlp.down_proj": LowRank(down, up)})


def broken_request(model: Llama, number: int) -> Request:
    one = request(number)
    one.adapter = overflowing(model)
    return one


def sampled(temperature: float, numpy: bool = False) -> Request:
    how = SamplingConfig(temperature=temperature, repetition_threshold=0.1)
    return Request([], how, 1, rows.generator(None if numpy else torch.device("cpu"), 3), tokens=[0, 1, 2, 3])


@pytest.mark.parametrize("temperature", [0.0, 1.0])
@pytest.mark.parametrize("broken", BROKEN)
def test_a_broken_row_changes_no_draw_of_the_others(broken: list[float], temperature: float) -> None:
    """All codes stand in the window, so the whole softmax is asked, too."""
    good = torch.randn(5, generator=torch.Generator().manual_seed(1))
    alone = draw(good[None], [sampled(temperature)])
    beside = draw(torch.stack([torch.tensor(broken), good]), [sampled(temperature), sampled(temperature)])
    assert beside == [NO_CODE, *alone]
    alone = rows.draw(good.numpy()[None].copy(), [sampled(temperature, True)], [])
    both = np.stack([np.array(broken, np.float32), good.numpy()])
    assert rows.draw(both, [sampled(temperature, True), sampled(temperature, True)], []) == [NO_CODE, *alone]


@pytest.mark.parametrize("broken", BROKEN)
def test_so_it_is_where_the_device_draws(broken: list[float]) -> None:
    how, none, zero = SamplingConfig(), torch.full((ROWS, 1), -1), torch.zeros(ROWS, dtype=torch.long)
    logits = torch.randn(5, generator=torch.Generator().manual_seed(1)).repeat(ROWS, 1)
    alone = device_draw(logits, rules(how), none, zero, 32)
    logits[::2] = torch.tensor(broken)
    beside = device_draw(logits, rules(how), none, zero, 32)
    assert torch.equal(beside[1::2], alone[1::2]) and set(beside[::2].tolist()) == {NO_CODE}


def on_the_host(model: Llama) -> Llama:
    return model


def on_the_device(model: Llama) -> Llama:
    other = copy.deepcopy(model)
    other.accelerate("graphs")  # without a GPU the steps run as they are
    return other


@pytest.mark.parametrize("where", [on_the_host, on_the_device])
@pytest.mark.parametrize("last", [True, False])
def test_a_request_that_fails_spoils_nobody(model: Llama, where: Callable[[Llama], Llama], last: bool) -> None:
    """Good ones are read before it, beside it, and after it in its place, with shorter and with longer prompts."""
    speaking = where(model)
    good = [request(number) for number in (3, 0, 2, 1, 7)]
    batch, waiting, failed = DecodingBatch(speaking, LAYOUT), list(good), broken_request(model, 2)
    batch.join([waiting.pop(0)])
    batch.join([failed])
    if not last:  # then another row takes its place
        batch.join([waiting.pop(0)])
    assert failed in batch.step() and failed.finish_reason == "failed" and not failed.tokens
    while waiting or batch.requests:
        if waiting:
            batch.join([waiting.pop(0)])
        batch.step()
    assert [one.tokens for one in good] == [decode(speaking, LAYOUT, request(number)) for number in (3, 0, 2, 1, 7)]


def test_a_caller_with_a_broken_voice_is_told_and_the_others_are_served(model: Llama) -> None:
    service, heard = TokenService(model, LAYOUT), dict[int, object]()

    def call(number: int) -> None:
        one = broken_request(model, number) if number == 1 else request(number)
        try:
            heard[number] = list(service.stream(CandidateSet([one]), lambda group: group.finished()[0].tokens))
        except VoiceError as error:
            heard[number] = str(error)

    threads = [threading.Thread(target=call, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    assert "no finite numbers" in str(heard.pop(1))
    assert heard == {number: decode(model, LAYOUT, request(number)) for number in (0, 2, 3)}
    assert not service.closed
    service.close()


def test_without_an_adapter_the_model_is_what_is_damaged(model: Llama) -> None:
    damaged = copy.deepcopy(model)
    damaged.model.norm.weight.fill_(torch.nan)
    with pytest.raises(BundleError, match="weights are damaged"):
        list(decode_sets(damaged, LAYOUT, [CandidateSet([request(1)])]))


@pytest.mark.parametrize(
    "values",
    [
        {"temperature": HOTTEST},
        {"top_p": NARROWEST},
        {"temperature": COLDEST, "top_p": NARROWEST},
        {"top_k": 10**30, "repetition_window": 10**30, "repetition_threshold": 1e308},
    ],
)
def test_the_ends_of_sampling_draw_tokens_everywhere(values: dict[str, float]) -> None:
    """By the host, by NumPy and by the device."""
    how, logits = SamplingConfig(**values), torch.randn(6, generator=torch.Generator().manual_seed(1))
    ours, theirs = (
        Request([1], how, 1, rows.generator(None if numpy else torch.device("cpu"), 3), tokens=[0, 1])
        for numpy in (False, True)
    )
    assert rows.draw(logits[None].clone(), [ours], [0]) != [NO_CODE]
    assert rows.draw(logits.numpy()[None].copy(), [theirs], [0]) != [NO_CODE]
    buffers = RowBuffers(tiny_lm(56).config, torch.zeros(1))
    buffers.set_rules(*_rules([ours], [3]))
    none, zero = torch.full((1, 1), -1), torch.zeros(1, dtype=torch.long)
    assert device_draw(logits[None], buffers.rules(1), none, zero, 32).tolist() != [NO_CODE]


@pytest.mark.parametrize("beyond", [{"temperature": 1e300}, {"top_p": 1e-50}])
def test_what_float32_does_not_hold_is_refused(beyond: dict[str, float]) -> None:
    """Else the weights of a model would be said to be damaged."""
    with pytest.raises(ConfigError, match=f"{next(iter(beyond))}.* (less|greater) than or equal"):
        SamplingConfig.parse(beyond)


def test_ratios_without_bound_are_bounded_by_the_model(model: Llama) -> None:
    how = SamplingConfig(min_ratio=1e308, max_ratio=1e308)
    assert bounds(model, Request([1] * 2000, how, 50, None)) == (48, 48)
    assert bounds(model, Request([1] * 2000, how.model_copy(update={"min_ratio": 0.0}), 50, None)) == (1, 48)
