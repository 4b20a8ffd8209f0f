"""Decoding many requests together: each as if alone."""

import pytest
import torch

from glmtts.lm import cache
from glmtts.lm.batch import DecodingBatch
from glmtts.lm.request import Request, SamplingConfig
from glmtts.text.audio_tokens import AudioTokens
from tests.lm.plain import plain
from tests.tiny import tiny_lm

LAYOUT = AudioTokens(first=40, count=16, begin=38, end=39, padding=37)
SAMPLING = SamplingConfig(min_ratio=1, max_ratio=6)


def request(number: int) -> Request:
    prompt = [(7 * number + place) % 37 for place in range(2 + 5 * (number % 4))]
    return Request([*prompt, LAYOUT.begin], SAMPLING, 3 + number % 5, torch.Generator().manual_seed(number))


@pytest.mark.parametrize("columns", [4, 30, 512])
def test_requests_that_come_and_go_speak_as_if_alone(columns: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cache, "FIRST_COLUMNS", columns)
    model = tiny_lm(56).eval()
    alone = [plain(model, LAYOUT, request(number)) for number in range(12)]
    requests, batch, done = [request(number) for number in range(12)], DecodingBatch(model, LAYOUT), 0
    waiting = list(requests)
    for step in range(300):
        if waiting and step % 3 == 0:
            batch.join([waiting.pop(0)])
        done += len(batch.step())
        if done == len(requests):
            break
    assert [r.tokens for r in requests] == alone
    assert not batch.requests


def test_candidates_share_their_prompt_and_a_request_may_leave() -> None:
    model = tiny_lm(56).eval()
    batch = DecodingBatch(model, LAYOUT)
    first, second = request(1), request(1)
    second.generator.manual_seed(99)
    batch.join([first, second])
    batch.step()
    batch.leave(second)
    while batch.requests:
        batch.step()
    assert first.tokens == plain(model, LAYOUT, request(1))
    assert len(second.tokens) == 1


def test_columns_do_not_grow_without_end() -> None:
    model = tiny_lm(56).eval()
    batch = DecodingBatch(model, LAYOUT)
    for number in range(200):
        batch.join([request(number)])
        batch.step()
    assert batch._draws.state.cache.buffer.shape[4] == cache.FIRST_COLUMNS
