"""The thread that decodes for everybody."""

import threading
from collections.abc import Iterator

import pytest

from glmtts.lm.service import TokenService
from tests.lm.plain import plain
from tests.lm.test_batch import LAYOUT, request
from tests.tiny import tiny_lm


@pytest.fixture
def service() -> Iterator[TokenService]:
    service = TokenService(tiny_lm(56).eval(), LAYOUT, capacity=3)
    yield service
    service.close()


def test_many_callers_get_what_each_draws_alone(service: TokenService) -> None:
    model, heard = service._batch.model, {}

    def call(number: int) -> None:
        heard[number] = list(service.stream(request(number)))

    threads = [threading.Thread(target=call, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    for number in range(8):
        assert heard[number] == plain(model, LAYOUT, request(number))


def test_who_goes_away_is_dropped(service: TokenService) -> None:
    stream = service.stream(request(2))
    next(stream)
    stream.close()
    assert list(service.stream(request(3)))
    service.close()
    assert not service._batch.requests


def test_an_error_reaches_its_caller_and_the_service_goes_on(service: TokenService) -> None:
    broken = request(1)
    broken.prompt_ids = [10**9]
    with pytest.raises(IndexError):
        list(service.stream(broken))
    assert list(service.stream(request(1)))
