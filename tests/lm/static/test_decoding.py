"""Decoding in fixed buffers is decoding: the tokens of a growing cache where nothing is drawn by chance."""

import copy
import threading
from collections.abc import Callable
from typing import Any

import pytest
import torch

from glmtts.adapters import RowAdapters
from glmtts.errors import TextError
from glmtts.graphs import Direct
from glmtts.lm.batch import DecodingBatch
from glmtts.lm.candidates import CandidateSet, decode_sets
from glmtts.lm.model import Llama
from glmtts.lm.request import Request, SamplingConfig
from glmtts.lm.static.decoder import STEPS, StaticDecoder
from glmtts.lm.static.draws import DecoderPool, DeviceDraws
from glmtts.text.audio_tokens import AudioTokens
from tests.host_free import NothingFromTheHost, Watched
from tests.lm.plain import plain
from tests.tiny import tiny_lm

LAYOUT = AudioTokens(first=40, count=16, begin=38, end=39, padding=37)
GREEDY = SamplingConfig(temperature=0, min_ratio=1, max_ratio=6)
DRAWN = SamplingConfig(min_ratio=1, max_ratio=6)


@pytest.fixture(scope="module")
def model() -> Llama:
    torch.manual_seed(0)
    return tiny_lm(56).eval().requires_grad_(False)


@pytest.fixture(scope="module")
def static(model: Llama) -> Llama:
    other = copy.deepcopy(model)
    other.accelerate("graphs")  # without a GPU the steps run as they are
    return other


def request(number: int, sampling: SamplingConfig, seed: int | None = None) -> Request:
    prompt = [(7 * number + place) % 37 for place in range(1 + 5 * (number % 4))]
    generator = torch.Generator().manual_seed(number if seed is None else seed)
    return Request([*prompt, LAYOUT.begin], sampling, 3 + number % 5, generator)


def alone(model: Llama, one: Request) -> list[int]:
    batch = DecodingBatch(model, LAYOUT)
    batch.join([one])
    while batch.requests:
        batch.step()
    return one.tokens


def come_and_go(model: Llama, requests: list[Request], every: int) -> None:
    batch, waiting = DecodingBatch(model, LAYOUT), list(requests)
    for step in range(400):
        if waiting and step % every == 0:
            batch.join([waiting.pop(0)])
        batch.step()
        if not (waiting or batch.requests):
            return
    raise AssertionError("the batch never ended")


@pytest.mark.parametrize("every", [1, 3, STEPS])
def test_greedy_requests_that_come_and_go_say_what_a_growing_cache_says(
    model: Llama, static: Llama, every: int
) -> None:
    requests = [request(number, GREEDY) for number in range(12)]
    come_and_go(static, requests, every)
    assert [one.tokens for one in requests] == [plain(model, LAYOUT, request(number, GREEDY)) for number in range(12)]


def test_drawn_requests_that_come_and_go_speak_as_if_alone(static: Llama) -> None:
    requests = [request(number, DRAWN) for number in range(12)]
    come_and_go(static, requests, 3)
    assert [one.tokens for one in requests] == [alone(static, request(number, DRAWN)) for number in range(12)]
    assert len({tuple(one.tokens) for one in requests}) > 6


def test_a_copy_goes_on_from_its_source_with_its_own_seed(static: Llama) -> None:
    one, two, source = (request(1, DRAWN, seed) for seed in (1, 2, 1))
    batch = DecodingBatch(static, LAYOUT)
    batch.join([one, two])
    for _ in range(STEPS // 2 + 1):  # within a block
        batch.step()
    batch.continue_as([(two, one)])
    begun = list(two.tokens)
    while batch.requests:
        batch.step()
    assert one.tokens == alone(static, source)
    assert two.tokens[: len(begun)] == one.tokens[: len(begun)]
    assert two.tokens != one.tokens


def test_rows_beyond_the_first_room_are_kept(model: Llama, static: Llama, monkeypatch: pytest.MonkeyPatch) -> None:
    from glmtts.lm.static import buffers, decoder

    monkeypatch.setattr(buffers, "FIRST_COLUMNS", 8)
    monkeypatch.setattr(decoder, "FIRST_COLUMNS", 8)
    small = StaticDecoder(static, LAYOUT, Direct())
    requests, draws = [request(number, GREEDY) for number in (3, 7, 2)], DeviceDraws(small)
    for number, one in enumerate(requests):  # each within the blocks of those before
        draws.join([one])
        for _ in range(4):
            codes = draws.draw(requests[: number + 1], [99] * (number + 1))
            for known, code in zip(requests, codes, strict=False):
                known.tokens.append(code)
    assert (small.buffers.rows, small.buffers.columns) == (4, 32)
    endless = GREEDY.model_copy(update={"min_ratio": 90.0, "max_ratio": 90.0})
    for number, one in zip((3, 7, 2), requests, strict=True):
        assert one.tokens == plain(model, LAYOUT, request(number, endless))[: len(one.tokens)]


def test_the_last_position_of_the_model_is_reached(static: Llama) -> None:
    endless = SamplingConfig(temperature=0, min_ratio=1e6, max_ratio=1e6)
    long = Request([1] * (static.max_positions - 4), endless, 1, torch.Generator())
    assert len(alone(static, long)) == 4
    assert long.finish_reason == "length"


def test_a_prompt_without_room_for_speech_is_one_sentence(static: Llama) -> None:
    batch = DecodingBatch(static, LAYOUT)
    with pytest.raises(TextError, match=r"takes 2048 .*Give a shorter text"):
        batch.join([Request([1] * static.max_positions, GREEDY, 1, torch.Generator())])


def test_counts_without_bound_are_drawn_by(model: Llama, static: Llama) -> None:
    """As a threshold by which every token may repeat."""
    endless = {"repetition_threshold": 1e308, "repetition_window": 10**30, "top_k": 10**30, "min_tokens": 10**30}
    one = request(4, DRAWN.model_copy(update={**endless, "max_ratio": 3.0}))
    one.prompt_ids = [1] * (static.max_positions - 9)
    assert len(alone(static, one)) == 9


def test_a_batch_finds_the_decoder_of_the_one_before_and_the_weights_of_now(model: Llama, static: Llama) -> None:
    first = alone(static, request(5, GREEDY))
    with torch.no_grad():
        static.model.embed_tokens.weight[40:44].neg_()
    try:
        assert alone(static, request(5, GREEDY)) != first
    finally:
        with torch.no_grad():
            static.model.embed_tokens.weight[40:44].neg_()
    assert alone(static, request(5, GREEDY)) == first
    pool = static._decoders
    assert pool is not None
    kept = [decoder for _, decoder in pool._idle]
    alone(static, request(6, GREEDY))
    assert {id(decoder) for _, decoder in pool._idle} == {id(decoder) for decoder in kept}


def test_a_step_can_be_recorded(static: Llama) -> None:
    """As far as a CPU can tell."""
    decoder, one = StaticDecoder(static, LAYOUT, Watched()), request(2, DRAWN)
    decoder.fill(0, 1, one.prompt_ids, None)
    (codes,) = decoder.run([one], [1], RowAdapters([None]))
    said = alone(static, one)
    assert codes[: len(said)] == said[:STEPS]
    with pytest.raises(AssertionError, match="a step does"), NothingFromTheHost():
        torch.where(torch.ones(2) > 0, 1.0, torch.ones(2))


def test_a_model_that_trains_draws_on_the_host(static: Llama) -> None:
    other = copy.deepcopy(static)
    assert other.device_draws(LAYOUT) is not None
    assert other.requires_grad_(True).device_draws(LAYOUT) is None


def test_candidates_that_compete_are_looked_at_after_every_token(static: Llama) -> None:
    """Whoever judges candidates sees each length once, and what it changes at a length counts from there."""
    seen: list[int] = []
    requests = [request(1, DRAWN, seed) for seed in range(3)]

    def resample(batch: DecodingBatch, candidates: list[Request]) -> None:
        running = [one for one in candidates if not one.ended]
        if running:
            seen.append(len(running[0].tokens))
        if len(running) == 3 and len(running[0].tokens) == 4:
            batch.continue_as([(one, running[0]) for one in running[1:]])

    list(decode_sets(static, LAYOUT, [CandidateSet(requests, resample)]))
    assert seen == list(range(1, len(seen) + 1))
    longest = max(requests, key=lambda one: len(one.tokens)).tokens
    assert [one.tokens[:4] for one in requests] == [longest[:4]] * 3


def of_length(number: int, ids: int, tokens: int) -> Request:
    """A request with so many ids before its speech, which takes so many tokens."""
    sampling = GREEDY.model_copy(update={"min_ratio": float(tokens), "max_ratio": float(tokens)})
    prompt = [(7 * number + place) % 37 for place in range(ids - 1)]
    return Request([*prompt, LAYOUT.begin], sampling, 1, torch.Generator().manual_seed(number))


def test_a_spare_row_does_not_stand_where_a_longer_request_ended(model: Llama) -> None:
    """Four candidates of a long prompt, then three of a short one: the fourth row is computed all the same."""
    static = copy.deepcopy(model)
    static.accelerate("graphs")
    for count, ids in ((4, 300), (3, 20)):
        requests = [of_length(number, ids, 3) for number in range(count)]
        list(decode_sets(static, LAYOUT, [CandidateSet([one]) for one in requests]))
        assert [one.tokens for one in requests] == [
            plain(model, LAYOUT, of_length(number, ids, 3)) for number in range(count)
        ]


def test_a_long_row_may_leave_shorter_ones_behind(model: Llama) -> None:
    static = copy.deepcopy(model)
    static.accelerate("graphs")
    requests = [of_length(number, 20, 4 * STEPS) for number in range(3)]
    batch = DecodingBatch(static, LAYOUT)
    for one in (*requests, of_length(3, 300, 2)):  # the long one in the last row, which is spare once it has ended
        batch.join([one])
    while batch.requests:
        batch.step()
    assert [one.tokens for one in requests] == [
        plain(model, LAYOUT, of_length(number, 20, 4 * STEPS)) for number in range(3)
    ]


def ends(work: Callable[[], Any]) -> bool:
    """Whether work comes to its end; it may wait for itself, and would hold up all tests."""
    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    thread.join(60)
    return not thread.is_alive()


def test_a_decoder_comes_back_while_its_pool_is_held(static: Llama) -> None:
    """As where a garbage collection within the lock finds draws that nobody holds any more."""
    pool = DecoderPool("graphs")
    draws = [pool.draws(static, LAYOUT)]

    def collected() -> None:
        with pool._lock:
            draws.clear()

    assert ends(collected)
    assert len(pool._idle) == 1


def test_a_decoder_that_comes_back_during_a_search_is_not_lost(static: Llama) -> None:
    pool, late = DecoderPool("graphs"), StaticDecoder(static, LAYOUT, Direct())

    class Weights(list[int]):
        """Others than all; while they are compared, a decoder comes back."""

        def __eq__(self, other: object) -> bool:
            pool._give_back((other, LAYOUT), late)
            return False

        __hash__ = None  # type: ignore[assignment]

    stale: Any = object()
    pool._idle.append(((Weights(), LAYOUT), stale))
    drawing = list[DeviceDraws]()
    assert ends(lambda: drawing.append(pool.draws(static, LAYOUT)))
    assert [decoder for _, decoder in pool._idle] == [late]
    assert drawing[0]._decoder is not late
