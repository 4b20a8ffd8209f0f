"""Normalisation against tables of written and spoken text, one file a language."""

from pathlib import Path

import pytest

from glmtts.text.normalise import normalise

REQUIRED = 0.98


@pytest.mark.parametrize("language", ["zh", "en"])
def test_written_to_spoken(language: str) -> None:
    lines = (Path(__file__).parent / f"normalisation_{language}.tsv").read_text(encoding="utf-8").splitlines()
    cases = [line.split("\t") for line in lines]
    wrong = [(written, spoken, normalise(written, language)) for written, spoken in cases]
    wrong = [case for case in wrong if case[1] != case[2]]
    assert len(cases) >= 200
    assert len(wrong) <= (1 - REQUIRED) * len(cases), wrong


@pytest.mark.parametrize("language", ["zh", "en"])
def test_spoken_text_stays(language: str) -> None:
    lines = (Path(__file__).parent / f"normalisation_{language}.tsv").read_text(encoding="utf-8").splitlines()
    spoken = [line.split("\t")[1] for line in lines]
    changed = [text for text in spoken if not any(mark in text for mark in "'()") and normalise(text, language) != text]
    assert len(changed) <= (1 - REQUIRED) * len(spoken), changed
