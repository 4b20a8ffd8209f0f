"""Bad recordings: one clear report each, and nothing is trained."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from glmtts.errors import VoiceError
from glmtts.voices.checks import Limits, check, refuse
from glmtts.voices.recordings import Recording, cut_at_pauses, find_recordings
from glmtts.voices.signal import Signal, measure
from glmtts.voices.takes import Take, unusable

RATE = 24000


def speechlike(seconds: float, seed: int = 0) -> torch.Tensor:
    """A buzz whose pitch glides and whose loudness has syllables and pauses."""
    rng, time = np.random.default_rng(seed), np.arange(int(seconds * RATE)) / RATE
    phase = 2 * np.pi * np.cumsum(110 + 40 * np.sin(2 * np.pi * (0.7 + 0.1 * seed) * time)) / RATE
    buzz = sum(np.sin(k * phase) / k for k in range(1, 60))
    syllables = np.clip(np.sin(2 * np.pi * 3.1 * time), 0, 1) * (np.sin(2 * np.pi * 0.6 * time) > -0.6)
    return torch.from_numpy(0.2 * buzz * syllables + 1e-3 * rng.normal(size=len(time))).float()


def chords(seconds: float) -> torch.Tensor:
    time = torch.arange(int(seconds * RATE)) / RATE
    notes = [sum(torch.sin(2 * torch.pi * f * k * time) / k for f in (a, 1.25 * a, 1.5 * a) for k in range(1, 8))
             for a in (220, 293, 330, 262)]  # fmt: skip
    beat = (time / 0.5).long() % 4
    wave = sum(note * (beat == number) for number, note in enumerate(notes))
    return 0.4 * wave / wave.abs().max() * torch.exp(-(time % 0.5))


def take(number: int, signal: Signal | None = None, nll: float = 0.4, speaker: int = 0) -> Take:
    """A take of ten seconds of good speech, but for what is given."""
    signal = signal or Signal(10.0, -3.0, 0.0, 40.0, 11000.0, 0.2)
    embedding = torch.nn.functional.normalize(torch.eye(8)[speaker] + 0.1 * torch.randn(8), dim=0)
    some, tokens = torch.zeros(4), torch.full((4,), number)  # no two recordings have the same tokens
    return Take(f"u{number}", f"u{number}", "text", "en", signal, tokens, some, some, some, embedding, nll)


GOOD = [take(number) for number in range(30)]


def test_good_recordings_are_used() -> None:
    report = check(GOOD, Limits())
    refuse(report, Limits())
    assert len(report.used) == 30 and not report.dropped and "5.0 minutes" in report.text()


def clipped(wave: torch.Tensor) -> torch.Tensor:
    return (6 * wave / wave.abs().max()).clamp(-1, 1)


def telephone(wave: torch.Tensor) -> torch.Tensor:
    spectrum = torch.fft.rfft(wave)
    spectrum[int(3400 / (RATE / 2) * len(spectrum)) :] = 0
    return torch.fft.irfft(spectrum, len(wave))


def noisy(wave: torch.Tensor) -> torch.Tensor:
    return wave + 0.05 * torch.randn(len(wave))


def twenty(wave: torch.Tensor) -> list[Take]:
    """Twenty recordings of one sound, which is measured once."""
    signal = measure(wave, RATE)
    return [take(number, signal) for number in range(20)]


@pytest.mark.parametrize(
    ("bad", "said"),
    [
        (lambda: twenty(chords(6)), "20 of 20 recordings are music"),
        (lambda: twenty(clipped(speechlike(6))), "20 of 20 recordings are clipped"),
        (lambda: twenty(telephone(speechlike(6))), "telephone's bandwidth"),
        (lambda: twenty(noisy(speechlike(6))), "20 of 20 recordings are noisy"),
        (lambda: [take(n, nll=7.5) for n in range(20)], "20 of 20 recordings are unlike their texts"),
        (lambda: [take(n, speaker=int(n < 8)) for n in range(20)], "8 of 20 recordings are of another speaker"),
        (
            lambda: [unusable(Recording(f"u{n}", Path("u"), "a", "en"), "silent") for n in range(20)],
            "20 recordings are silent",
        ),
        (lambda: GOOD[:2], "20 s of recordings can be used, and a voice needs 3 minutes"),
    ],
)
def test_bad_folders_are_refused_in_a_sentence(bad: Callable[[], list[Take]], said: str) -> None:
    with pytest.raises(VoiceError, match="Nothing is trained") as error:
        refuse(check(bad(), Limits()), Limits())
    assert said in str(error.value) and "\n" not in str(error.value)


def test_a_few_bad_recordings_are_left_out_and_named() -> None:
    mixed = [*GOOD, take(98, nll=float("inf")), take(99, measure(clipped(speechlike(6)), RATE))]
    report = check(mixed, Limits())
    refuse(report, Limits())
    assert {one.take.id for one in report.dropped} == {"u98", "u99"}
    assert "u98: does not say its text" in report.text() and "2 are not used: " in report.text()


def test_folders_are_read_with_and_without_an_index(tmp_path: Path) -> None:
    (tmp_path / "a.wav").touch()
    (tmp_path / "b.flac").touch()
    (tmp_path / "a.txt").write_text("你好。", encoding="utf-8")
    first, second = find_recordings(tmp_path, None)
    assert (first.id, first.text, first.language, second.text) == ("a", "你好。", "zh", None)
    (tmp_path / "index.jsonl").write_text('{"file": "b.flac", "text": "Hello."}\n', encoding="utf-8")
    assert [(one.id, one.language) for one in find_recordings(tmp_path)] == [("b", "en")]
    (tmp_path / "index.jsonl").write_text('{"file": 3}\n', encoding="utf-8")
    with pytest.raises(VoiceError, match="line 1 is no JSON object"):
        find_recordings(tmp_path)
    with pytest.raises(VoiceError, match="holds no recordings"):
        find_recordings(tmp_path / "none")


def test_long_recordings_are_cut_in_pauses() -> None:
    wave = speechlike(40)
    pieces = cut_at_pauses(wave, RATE, 15)
    assert torch.equal(torch.cat(pieces), wave) and all(len(piece) <= 15 * RATE for piece in pieces)
    for piece in pieces[:-1]:
        assert piece[-480:].abs().max() < 0.02


def test_a_clause_that_serves_for_nothing_is_no_recording() -> None:
    """Clauses are cut out by us: their faults do not speak against the folder."""
    clauses = [unusable(Recording(f"u{n}+1", Path("u"), "a", "en"), "shorter than 0.5 s", f"u{n}") for n in range(20)]
    report = check([*GOOD, *clauses], Limits())
    refuse(report, Limits())
    assert len(report.used) == 30 and "are not used" not in report.text()
