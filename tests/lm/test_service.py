"""The thread that decodes for everybody."""

import threading
from collections.abc import Generator, Iterator

import pytest

from glmtts.lm.batch import DecodingBatch
from glmtts.lm.candidates import CandidateSet
from glmtts.lm.request import Request
from glmtts.lm.service import ServiceClosedError, TokenService, _Client
from tests.lm.plain import plain
from tests.lm.test_batch import LAYOUT, request
from tests.tiny import tiny_lm


@pytest.fixture
def service() -> Iterator[TokenService]:
    service = TokenService(tiny_lm(56).eval(), LAYOUT, capacity=3)
    yield service
    service.close()


def stream(service: TokenService, alone: Request) -> Generator[int, None, None]:
    return service.stream(CandidateSet([alone]), lambda group: group.finished()[0].tokens)


def test_many_callers_get_what_each_draws_alone(service: TokenService) -> None:
    model, heard = service._batch.model, {}

    def call(number: int) -> None:
        heard[number] = list(stream(service, request(number)))

    threads = [threading.Thread(target=call, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    for number in range(8):
        assert heard[number] == plain(model, LAYOUT, request(number))


def test_who_goes_away_is_dropped(service: TokenService) -> None:
    left = stream(service, request(2))
    next(left)
    left.close()
    assert list(stream(service, request(3)))
    service.close()
    assert not service._batch.requests


def test_an_error_of_one_caller_is_no_others(service: TokenService) -> None:
    def long() -> Request:
        one = request(2)
        one.sampling = one.sampling.model_copy(update={"min_ratio": 40.0, "max_ratio": 40.0})
        return one

    going, beside = long(), list[bool]()

    class Broken(CandidateSet):
        """Candidates whose judging fails."""

        def after_step(self, batch: DecodingBatch) -> None:
            beside.append(going in batch.requests)
            raise ValueError("broken")

    tokens = stream(service, going)
    first = next(tokens)
    with pytest.raises(ValueError, match="broken"):
        list(service.stream(Broken([request(1)]), lambda group: []))
    assert [first, *tokens] == plain(service._batch.model, LAYOUT, long())
    assert beside == [True]


def test_an_error_reaches_its_caller_and_the_service_goes_on(service: TokenService) -> None:
    broken = request(1)
    broken.prompt_ids = [10**9]
    with pytest.raises(IndexError):
        list(stream(service, broken))
    assert list(stream(service, request(1)))


def test_who_asks_once_it_is_closed_is_told_so(service: TokenService) -> None:
    late = stream(service, request(1))
    service.close()
    with pytest.raises(ServiceClosedError):
        next(late)


def test_an_error_of_the_thread_reaches_everybody(service: TokenService, monkeypatch: pytest.MonkeyPatch) -> None:
    """Some are being served, some wait for a place, and dropping one of them fails."""
    told: list[Exception] = []

    def call(number: int) -> None:
        try:
            list(stream(service, request(number)))
        except (ZeroDivisionError, ServiceClosedError) as error:
            told.append(error)

    def broken() -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(service._batch, "step", broken)
    monkeypatch.setattr(service._batch, "leave", lambda request: broken())
    threads = [threading.Thread(target=call, args=(number,), daemon=True) for number in range(6)]
    for thread in threads:
        thread.start()
    service._thread.join(timeout=60)
    for thread in threads:
        thread.join(timeout=60)
    assert service.closed and len(told) == 6
    assert any(isinstance(error, ZeroDivisionError) for error in told)  # who came too late is told that it is closed


def test_what_was_sent_is_continued_by_nobody_else(service: TokenService) -> None:
    """No candidate draws the end of audio; the first one ended early, and the other alone decided what is sent."""
    requests = [request(1), request(1)]
    for one, tokens in zip(requests, (2, 9), strict=True):
        one.sampling = one.sampling.model_copy(update={"min_ratio": float(tokens), "max_ratio": float(tokens)})
        one.text_length = 1
    requests[1].generator.manual_seed(99)
    heard = list(service.stream(CandidateSet(requests), lambda group: group.finished()[0].tokens))
    assert heard == requests[1].tokens
    assert requests[0].tokens != heard[:2]


def test_candidates_that_may_be_chosen_begin_with_what_is_committed() -> None:
    """Also where none is left that was stopped, and what is committed is asked for again."""
    requests = [request(1) for _ in range(3)]
    for one, tokens in zip(requests, ([9, 9, 9, 9], [1, 2, 3], [1, 2, 4]), strict=True):
        one.tokens = tokens
    requests[0].finish_reason = "length"
    candidates = CandidateSet(requests)
    assert candidates.finished() == requests
    assert candidates.committed() == [1, 2]
    for one in requests[1:]:
        one.finish_reason = "length"
    assert candidates.finished() == requests[1:]
    assert candidates.committed(2) == []


def test_nothing_is_drawn_for_those_who_have_gone(service: TokenService, monkeypatch: pytest.MonkeyPatch) -> None:
    service.close()  # its thread has ended: this one does its steps
    gone, steps = _Client(CandidateSet([request(2)]), gone=True), list[int]()
    monkeypatch.setattr(service._batch, "step", lambda: steps.append(len(service._batch.requests)))
    service._join(_Client(CandidateSet([request(3)])))
    service._clients.append(gone)
    service._step()
    service._clients[0].gone = True
    service._step()
    assert steps == [1] and not service._clients and not service._batch.requests
