"""Alignment by CTC: what has no path is refused in one way."""

from collections.abc import Callable

import numpy as np
import pytest

from glmtts.ctc import best_states, ctc_costs, ctc_path, ctc_spans

LOG_PROBS = np.log(np.full((4, 3), 1 / 3))


@pytest.mark.parametrize("function", [best_states, ctc_path, ctc_spans])
@pytest.mark.parametrize(("frames", "labels"), [(4, []), (0, []), (0, [1]), (2, [1, 1])])
def test_what_has_no_path_is_a_value_error(function: Callable, frames: int, labels: list[int]) -> None:
    with pytest.raises(ValueError, match="There are"):
        function(LOG_PROBS[:frames], np.array(labels, dtype=int))


def test_no_frames_have_no_costs() -> None:
    assert ctc_costs(LOG_PROBS[:0], np.array([1])).shape == (0,)
    assert ctc_costs(LOG_PROBS, np.zeros(0, dtype=int)) == pytest.approx(np.log(3) * np.arange(1, 5))
