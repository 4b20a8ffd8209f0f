"""The thread that decodes for everybody."""

import threading
from collections.abc import Generator, Iterator

import pytest

from glmtts.lm.candidates import Group
from glmtts.lm.sampling import Request
from glmtts.lm.service import TokenService
from tests.lm.plain import plain
from tests.lm.test_batch import LAYOUT, request
from tests.tiny import tiny_lm


@pytest.fixture
def service() -> Iterator[TokenService]:
    service = TokenService(tiny_lm(56).eval(), LAYOUT, capacity=3)
    yield service
    service.close()


def stream(service: TokenService, alone: Request) -> Generator[int, None, None]:
    return service.stream(Group([alone]), lambda group: group.finished()[0].drawn)


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


class _Broken(Group):
    """Candidates whose judging fails."""

    def after_step(self, batch: object) -> None:
        raise ValueError("broken")


def test_an_error_of_one_caller_is_no_others(service: TokenService) -> None:
    going = stream(service, request(2))
    first = next(going)
    with pytest.raises(ValueError, match="broken"):
        list(service.stream(_Broken([request(1)]), lambda group: []))
    assert [first, *going] == plain(service._batch.model, LAYOUT, request(2))


def test_an_error_reaches_its_caller_and_the_service_goes_on(service: TokenService) -> None:
    broken = request(1)
    broken.prompt_ids = [10**9]
    with pytest.raises(IndexError):
        list(stream(service, broken))
    assert list(stream(service, request(1)))
