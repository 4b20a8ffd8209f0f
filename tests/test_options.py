"""One table of options: what Python, the command line and the server take, and what the docs say of it, agree."""

import inspect
from pathlib import Path
from typing import get_args, get_type_hints

import numpy as np
import pytest
from annotated_types import Ge, Le

from glmtts.audio import tempo
from glmtts.errors import ConfigError
from glmtts.options import FASTEST, OPTIONS, PHONEME_MODES, SLOWEST, TABLE, check, markdown, nearest
from glmtts.server.routes.options import SpeechOptions
from glmtts.synthesis.command import read, say
from glmtts.synthesis.options import Options
from glmtts.text.hybrid import PhonemeIn

DOCS = Path(__file__).parents[1] / "docs" / "options.md"


def test_python_has_the_options_of_the_table() -> None:
    assert list(get_type_hints(Options)) == sorted(OPTIONS, key=list(Options.__annotations__).index)
    assert set(Options.__annotations__) == set(OPTIONS)


def test_say_and_read_take_every_option() -> None:
    for command in (say, read):
        flags = inspect.signature(command).parameters
        assert set(OPTIONS) <= set(flags)
        shared = {"output", "play", "form", "voice", "voice_text", "seed", "model", "device", "threads"}
        assert shared <= set(flags)


def test_the_server_has_the_ranges_of_the_table() -> None:
    fields = SpeechOptions.model_fields
    for option in TABLE:
        assert (option.name in fields) == option.field, option.name
        if option.field and option.least is not None:
            limits = {type(one): one for one in fields[option.name].metadata}
            assert (limits[Ge].ge, limits[Le].le) == (option.least, option.most)


def test_numbers_written_twice_are_the_same() -> None:
    assert (SLOWEST, FASTEST) == (tempo.SLOWEST, tempo.FASTEST)
    assert get_args(PhonemeIn) == PHONEME_MODES


def test_the_docs_show_the_table() -> None:
    assert markdown() in DOCS.read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({"temprature": 1.0}, "Did you mean 'temperature'"),
        ({"xyzzy": 1}, "Known are: language, speed"),
        ({"language": "mandarin"}, "Did you mean 'zh'"),
        ({"language": "EN"}, "Did you mean 'en'"),
        ({"language": "klingon"}, "language is 'klingon'. Known are: zh, en"),
        ({"phoneme_in": "al"}, "Did you mean 'all'"),
        ({"steps": 2.5}, "a whole number from 1 to 100"),
        ({"steps": True}, "a whole number"),
        ({"speed": "fast"}, "speed is 'fast', of the type str. Choose it from 0.25 to 4, as an int or a float"),
        ({"guidance": "2"}, "guidance is '2', of the type str"),
        ({"top_p": np.float32(0.5)}, "of the type float32"),
        ({"candidates": np.int64(4)}, "of the type int64. Choose a whole number from 1 to 32, as an int"),
        ({"temperature": [1]}, "of the type list"),
        ({"speed": float("nan")}, "speed is nan"),
    ],
)
def test_what_was_meant_is_said(given: dict, sentence: str) -> None:
    with pytest.raises(ConfigError, match=sentence):
        check(given)


def test_what_is_left_out_or_right_passes() -> None:
    check({"language": None, "speed": 1, "steps": 4, "guidance": 0, "phoneme_in": "off"})
    assert nearest("--voce", ["--voice", "--model"]) == "--voice"
    assert nearest("qqq", ["--voice"]) is None
