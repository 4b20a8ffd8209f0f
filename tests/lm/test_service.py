"""The thread that decodes for everybody."""

import threading
from collections.abc import Generator, Iterator

import pytest

from glmtts.lm.batch import DecodingBatch
from glmtts.lm.candidates import CandidateSet
from glmtts.lm.request import Request
from glmtts.lm.service import ServiceClosedError, TokenService
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
