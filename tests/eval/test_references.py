"""Every figure of a report against another way to compute it, written here from its definition."""

from fractions import Fraction
from itertools import product

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import signal, stats

from glmtts.eval.error_rates import errors, errors_of, normalised, rate_of
from glmtts.eval.listening.analysis import Rating, pigeonhole
from glmtts.eval.scorers.band_energy import BANDS_KHZ, levels
from glmtts.eval.scorers.f0 import compared
from glmtts.eval.scorers.mr_stft import RESOLUTIONS, stft_distance
from glmtts.eval.scorers.similarity import unit
from glmtts.eval.statistics import bootstrap_mean, bootstrap_ratio, paired
from glmtts.eval.units import mixed, words

WORDS = st.lists(st.sampled_from("abcd"), max_size=9)
TENTHS = st.integers(-9, 9).map(lambda number: number / 10)


def distance(heard: list[str], wanted: list[str]) -> int:
    """Levenshtein (1966), by its recursion over prefixes."""
    table = np.zeros((len(wanted) + 1, len(heard) + 1), int)
    table[:, 0], table[0] = np.arange(len(wanted) + 1), np.arange(len(heard) + 1)
    for i, j in product(range(1, len(wanted) + 1), range(1, len(heard) + 1)):
        changed = table[i - 1, j - 1] + (wanted[i - 1] != heard[j - 1])
        table[i, j] = min(changed, table[i - 1, j] + 1, table[i, j - 1] + 1)
    return int(table[-1, -1])


@settings(max_examples=100, deadline=None)
@given(WORDS, WORDS)
def test_edits_are_levenshtein_s(heard: list[str], wanted: list[str]) -> None:
    found = errors_of(" ".join(heard), " ".join(wanted))
    assert found.edits == distance(heard, wanted) and found.words == len(wanted)
    assert found.deletions - found.insertions == len(wanted) - len(heard)
    assert found.rate == (found.edits / len(wanted) if wanted else len(heard))


@settings(max_examples=100, deadline=None)
@given(st.text(alphabet="ab ,.'’—，。中文Ａ３\u3000", max_size=12), st.sampled_from(["en", "zh"]))
def test_what_differs_in_case_and_marks_alone_is_no_error_of_english(text: str, language: str) -> None:
    assert errors(text, text, language).edits == 0
    marks = set(normalised(text, language)) & set(",.’—，。")
    assert not marks and ("'" in normalised(text, language)) == ("'" in text)
    if language == "en":
        assert errors(text.upper().replace("Ａ", "ａ"), text, language).edits == 0


@settings(max_examples=50, deadline=None)
@given(st.lists(st.tuples(WORDS, WORDS.filter(bool), st.booleans()), min_size=1, max_size=12))
def test_the_three_rates_of_a_list(lines: list[tuple[list[str], list[str], bool]]) -> None:
    counted = [None if gone else errors_of(" ".join(heard), " ".join(wanted)) for heard, wanted, gone in lines]
    rate = rate_of(counted, [not gone and not heard for heard, _, gone in lines])
    shares = [distance(heard, wanted) / len(wanted) for heard, wanted, gone in lines if not gone]
    everything = shares + [1.0] * (len(lines) - len(shares))
    assert rate.as_published == (pytest.approx(np.mean(shares)) if shares else None)
    assert rate.all_counted == pytest.approx(np.mean(everything))
    edits = sum(distance(heard, wanted) for heard, wanted, gone in lines if not gone)
    said = sum(len(wanted) for _, wanted, gone in lines if not gone)
    assert rate.corpus == (pytest.approx(edits / said) if shares else None)


def test_intervals_are_those_of_scipy() -> None:
    draw = np.random.default_rng(1)
    values, lengths = draw.gamma(1.0, 0.1, 80), draw.integers(5, 30, 80)
    theirs = stats.bootstrap((values,), np.mean, n_resamples=20_000, method="percentile", rng=draw).confidence_interval
    # two thousand resamples know a bound to a twentieth of the width
    near = (theirs.high - theirs.low) / 20
    assert bootstrap_mean(values.tolist()) == pytest.approx((theirs.low, theirs.high), abs=near)
    edits = np.round(values * lengths)
    of_sums = stats.bootstrap(
        (edits, lengths),
        lambda above, below, axis: above.sum(axis) / below.sum(axis),
        paired=True,
        n_resamples=20_000,
        method="percentile",
        rng=draw,
        vectorized=True,
    ).confidence_interval
    near = (of_sums.high - of_sums.low) / 20
    assert bootstrap_ratio(edits.tolist(), lengths.tolist()) == pytest.approx((of_sums.low, of_sums.high), abs=near)


@settings(max_examples=25, deadline=None)
@given(st.lists(TENTHS, min_size=2, max_size=9))
def test_p_is_the_share_of_all_assignments_that_are_as_far_from_nothing(differences: list[float]) -> None:
    whole = [Fraction(value).limit_denominator(10) for value in differences]
    sums = [abs(sum(sign * value for sign, value in zip(signs, whole, strict=True))) for signs in _signs(len(whole))]
    exact = sum(one >= abs(sum(whole)) for one in sums) / len(sums)
    # five standard errors of ten thousand draws
    assert paired([0.0] * len(whole), differences).p == pytest.approx(exact, abs=0.025)


def _signs(count: int) -> list[tuple[int, ...]]:
    return list(product((1, -1), repeat=count))


@pytest.mark.parametrize("differences", [[0.4, 0.4, 0.1, 0.3, -0.8, -0.4], [0.5, 0.4, 0.4, 0.3, -0.9, -0.7]])
def test_no_difference_at_all_has_a_p_of_one(differences: list[float]) -> None:
    """The sum of these is 5e-17 and not 0, and a third of its assignments are exactly 0."""
    assert paired([0.0] * 6, differences).p == 1


def test_the_interval_of_a_rating_is_that_of_drawn_tables() -> None:
    draw = np.random.default_rng(2)
    table = 3 + draw.normal(0, 0.5, (6, 1)) + draw.normal(0, 0.3, (1, 8)) + draw.normal(0, 0.2, (6, 8))
    ratings = [Rating(f"r{r}", f"l{n}", "s", float(table[r, n])) for r in range(6) for n in range(8)]
    means = [table[np.ix_(draw.integers(6, size=6), draw.integers(8, size=8))].mean() for _ in range(4000)]
    low, high = np.quantile(means, (0.025, 0.975))
    assert pigeonhole(ratings) == pytest.approx((low, high), abs=(high - low) / 15)


@settings(max_examples=50, deadline=None)
@given(st.lists(st.tuples(*2 * [st.sampled_from([0.0, 90.0, 101.0, 123.0, 250.0])]), min_size=1, max_size=40))
def test_figures_of_pitch(frames: list[tuple[float, float]]) -> None:
    heard, wanted = (np.array(side) for side in zip(*frames, strict=True))
    score = compared(heard, wanted)
    both = [(one, other) for one, other in frames if one and other]
    voiced = sum(bool(one) + bool(other) for one, other in frames)
    assert score["voicing_f1"] == (pytest.approx(2 * len(both) / voiced) if voiced else None)
    if len(both) < 3:
        assert score["f0_rmse"] is None and score["f0_corr"] is None
        return
    assert score["f0_rmse"] == pytest.approx((sum((one - other) ** 2 for one, other in both) / len(both)) ** 0.5)
    if min(len(set(side)) for side in zip(*both, strict=True)) > 1:
        assert score["f0_corr"] == pytest.approx(stats.pearsonr(*zip(*both, strict=True)).statistic, abs=1e-9)
    else:
        assert score["f0_corr"] is None


def test_distances_of_spectra_and_levels_of_bands_are_those_of_scipy() -> None:
    draw = np.random.default_rng(3)
    wanted = (0.1 * draw.standard_normal(16000)).astype(np.float32)
    heard = (wanted + 0.02 * draw.standard_normal(16000)).astype(np.float32)
    rows = []
    for n_fft, hop, size in RESOLUTIONS:
        gap = (n_fft - size) // 2  # PyTorch puts a short window into the middle of the transform
        window = np.pad(signal.get_window("hann", size), (gap, n_fft - size - gap))
        sides = []
        for wave in (heard, wanted):
            padded = np.pad(wave, n_fft // 2, mode="reflect")
            starts = range(0, len(padded) - n_fft + 1, hop)
            frames = np.stack([padded[start : start + n_fft] * window for start in starts])
            sides.append(np.sqrt(np.maximum(np.abs(np.fft.rfft(frames)) ** 2, 1e-7)))
        one, other = sides
        rows.append((np.linalg.norm(other - one) / np.linalg.norm(other), np.abs(np.log(other) - np.log(one)).mean()))
    assert stft_distance(heard, wanted) == pytest.approx(np.mean(rows, axis=0), rel=1e-4)
    rate, size = 24000, 960
    frequencies, power = signal.welch(
        wanted, rate, np.hanning(size), noverlap=size // 2, detrend=False, scaling="spectrum"
    )
    power[1:-1] /= 2  # one-sided: the others stand for two
    shares = [
        power[(frequencies >= 1e3 * low) & (frequencies < 1e3 * high)].sum() / power.sum() for low, high in BANDS_KHZ
    ]
    assert levels(wanted, rate) == pytest.approx(10 * np.log10(shares), abs=1e-6)


@settings(max_examples=25, deadline=None)
@given(st.lists(st.floats(-10, 10, width=32), min_size=3, max_size=3).filter(any))
def test_similarity_is_the_cosine(vector: list[float]) -> None:
    one, other = np.float32(vector), np.float32([1, -2, 3])
    cosine = torch.nn.functional.cosine_similarity(torch.tensor(one).double(), torch.tensor(other).double(), 0)
    if np.linalg.norm(one.astype(float)) > 1e-6:
        assert float(unit(one) @ unit(other)) == pytest.approx(float(cosine), abs=1e-6)


def test_words_are_the_same_with_and_without_accents() -> None:
    assert words("A café, naïve: it’s 5 %.") == words("a cafe naive it's five percent")
    assert mixed("我去 café 了") == mixed("我去cafe了")
