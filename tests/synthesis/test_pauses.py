"""Pauses as they are heard: silence in the samples after headings, paragraphs and sentences, in every way to speak."""

from collections.abc import Callable
from itertools import groupby
from pathlib import Path

import pytest
import torch

import glmtts
from glmtts.audio.io import load_audio
from glmtts.synthesis.reading import read_book
from glmtts.synthesis.synthesizer import Synthesizer
from glmtts.text.structure import HEADING_SECONDS, PARAGRAPH_SECONDS

TEXTS = {
    "en": "Chapter One\n\nIt had rained all day, and the road was\nlong. He went home.\n\nThe next day was dry.\n",
    "zh": "第一章\n\n下了一整天的雨，路\n又很长。他回家了。\n\n第二天是晴天。\n",
}
SHORTEST = 0.05  # seconds of exact zeros: no model gives so many in a row


@pytest.fixture(scope="module")
def tts(tiny_folder: Path) -> Synthesizer:
    return glmtts.load(tiny_folder)


def said(tts: Synthesizer, text: str, folder: Path) -> torch.Tensor:
    return tts.say(text).samples


def streamed(tts: Synthesizer, text: str, folder: Path) -> torch.Tensor:
    return torch.cat([chunk.samples for chunk in tts.stream(text)])


def arriving(tts: Synthesizer, text: str, folder: Path) -> torch.Tensor:
    return torch.cat([chunk.samples for chunk in tts.stream(iter(text))])


def read(tts: Synthesizer, text: str, folder: Path) -> torch.Tensor:
    read_book(tts, [text], folder / "book.wav")
    return load_audio(folder / "book.wav", tts.bundle.clock.sample_rate)


@pytest.mark.parametrize("language", TEXTS)
@pytest.mark.parametrize("speak", [said, streamed, arriving, read])
def test_headings_and_paragraphs_are_heard(
    tts: Synthesizer, tmp_path: Path, language: str, speak: Callable[[Synthesizer, str, Path], torch.Tensor]
) -> None:
    samples, start, silences = speak(tts, TEXTS[language], tmp_path), 0, []
    for silent, run in groupby((samples == 0).tolist()):
        length = len(list(run))
        if silent and 0 < start < len(samples) - length and length >= SHORTEST * tts.bundle.clock.sample_rate:
            silences.append(round(length / tts.bundle.clock.sample_rate, 2))
        start += length
    assert [round(pause, 1) for pause in silences if pause > 0.3] == [HEADING_SECONDS, PARAGRAPH_SECONDS]
