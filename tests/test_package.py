"""What `import glmtts` gives: names, errors, a version, types; quick, and without PyTorch."""

import subprocess
import sys
from importlib.resources import files
from pathlib import Path

import numpy as np
import pytest
import soundfile

import glmtts
from glmtts import errors


def test_names() -> None:
    assert all(getattr(glmtts, name) is not None for name in glmtts.__all__)
    kinds = {name for name, kind in vars(errors).items() if isinstance(kind, type) and issubclass(kind, Exception)}
    assert kinds <= set(glmtts.__all__)
    assert glmtts.__version__.count(".") == 2
    with pytest.raises(AttributeError, match="no attribute 'sya'"):
        glmtts.sya  # noqa: B018


def test_types_are_for_others_too() -> None:
    assert files("glmtts").joinpath("py.typed").is_file()


def test_importing_is_quick_and_sets_how_threads_wait() -> None:
    code = "import os, sys, glmtts; print('torch' in sys.modules, os.environ['OMP_WAIT_POLICY'])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "False PASSIVE\n"


def test_a_line_waits_for_its_own_language_alone() -> None:
    """The dictionaries of Mandarin, and the rules of the other language, would be half of the start."""
    code = """
import sys
from glmtts.text.normalisation.english import dates as english
from glmtts.text.normalisation.mandarin import dates as mandarin
from glmtts.text.normalise import normalise

for text in ("It was 5 km.", "今天5 km。"):
    words = normalise(text)
    compiled = ["pattern" in vars(rule) for rule in (english.RULES[-1], mandarin.RULES[0])]
    print(words, *compiled, "pypinyin" in sys.modules)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, encoding="utf-8", check=True)
    assert done.stdout.splitlines() == [
        "It was five kilometers. True False False",
        "今天五公里。 True True False",
    ]


def test_the_command_line_waits_for_nothing_that_trains() -> None:
    code = "import sys, glmtts.cli; print({'torch', 'numpy', 'pydantic', 'pypinyin'} & sys.modules.keys())"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "set()\n"


def test_audio_as_bytes(tiny_folder: Path, tmp_path: Path) -> None:
    import io

    audio = glmtts.load(tiny_folder).say("Hello.")
    audio.save(tmp_path / "a.wav")
    assert audio.to_bytes() == (tmp_path / "a.wav").read_bytes()
    for form in ("flac", "ogg", "opus", "mp3"):
        samples, rate = soundfile.read(io.BytesIO(audio.to_bytes(form)))
        assert np.isfinite(samples).all() and abs(len(samples) / rate - audio.seconds) < 0.15
    with pytest.raises(glmtts.AudioError, match=r"no format 'xyz'\. Use one of wav, flac"):
        audio.to_bytes("xyz")


def test_pronunciations_in_any_form(tiny_folder: Path, tmp_path: Path) -> None:
    from glmtts.text.pronunciations import Pronunciations

    tts = glmtts.load(tiny_folder)
    (tmp_path / "words.toml").write_text('"世界" = "ma1 ma1"', encoding="utf-8")
    words = {"世界": "ma1 ma1"}
    wanted = tts.say("你好，世界。", pronunciations=Pronunciations(words)).samples
    for form in (words, tmp_path / "words.toml", str(tmp_path / "words.toml")):
        assert np.array_equal(tts.say("你好，世界。", pronunciations=form).samples, wanted)
    assert not np.array_equal(tts.say("你好，世界。").samples, wanted)
    with pytest.raises(glmtts.TextError, match="reading 'qq' of '世界' is not known"):
        tts.say("你好，世界。", pronunciations={"世界": "qq"})


def test_a_book_is_a_text(tiny_folder: Path, tmp_path: Path) -> None:
    tts, heard = glmtts.load(tiny_folder), list[int]()
    words = {"天气": "tian1 qi5"}
    text = "今天天气很好。" * 8 + "\n\nGood morning."
    seconds = glmtts.read_book(
        tts, text, tmp_path / "b.wav", pronunciations=words, hear=lambda samples, rate: heard.append(len(samples))
    )
    assert sum(heard) == round(seconds * 24000) == soundfile.info(tmp_path / "b.wav").frames
