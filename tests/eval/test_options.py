"""Options as they are written on the command line."""

import pytest

from glmtts.errors import EvaluationError
from glmtts.eval.options import named_options


def test_values_are_truths_whole_numbers_numbers_or_text() -> None:
    text = "a?threads=4&threshold=0.5&local_only=false&loud=True&weights=v1/nisqa.tar&model=whisper:a=b"
    name, options = named_options(text)
    assert name == "a"
    assert options == {
        "threads": 4,
        "threshold": 0.5,
        "local_only": False,
        "loud": True,
        "weights": "v1/nisqa.tar",
        "model": "whisper:a=b",
    }
    assert isinstance(options["threads"], int) and options["local_only"] is False
    assert named_options("dnsmos") == ("dnsmos", {})
    for wrong in ("dnsmos?threads", "dnsmos?threads="):
        with pytest.raises(EvaluationError, match="option without a value"):
            named_options(wrong)
