"""The recipe's data: which utterances train, which stay out, how they are batched, what is written beside an index."""

import json
import sys
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from glmtts.features import FeatureStore, write_feature, write_index

from glmtts.audio.io import load_audio
from glmtts.speech_tokenizer.model import SpeechTokenizer, SpeechTokenizerConfig
from glmtts.speech_tokenizer.train import tokens_from_hidden

RECIPE = Path(__file__).parents[1] / "recipes" / "mini"


@pytest.fixture
def recipe(monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Any, Any]]:
    """The modules `corpora` and `stage`, whose folder is no package."""
    before = set(sys.modules)
    monkeypatch.syspath_prepend(str(RECIPE))
    import corpora
    import stage

    yield corpora, stage
    for name in set(sys.modules) - before:
        if (RECIPE / f"{name}.py").exists():
            del sys.modules[name]


def store_of(folder: Path, seconds: list[float]) -> FeatureStore:
    write_index(folder, [{"id": str(number), "seconds": length} for number, length in enumerate(seconds)])
    write_feature(folder, "tokens", (np.full(3, number) for number in range(len(seconds))))
    return FeatureStore(folder)


def test_a_recording_is_written_before_its_line(recipe: tuple[Any, Any], tmp_path: Path) -> None:
    corpora, _ = recipe
    samples = 0.1 * np.sin(np.arange(corpora.SAMPLE_RATE) / 20).astype(np.float32)
    for name in ("a.flac", None):
        record = {"id": "a" if name else "b", "lang": "en", "text": "Hello.", "speaker": "s"}
        written = corpora.add_recording(tmp_path / "index.jsonl", record | ({"file": name} if name else {}), samples)
        assert written == 1.0
    first, second = corpora.read_corpus(tmp_path)
    assert (first.path.name, second.path.name) == ("a.flac", "b.opus")
    assert first.speaker == f"{tmp_path.name}/s"
    assert all(abs(len(load_audio(one.path, 24000)) - 24000) < 100 for one in (first, second))


def test_silence_around_speech_is_not_written(recipe: tuple[Any, Any], tmp_path: Path) -> None:
    corpora, _ = recipe
    rate = corpora.SAMPLE_RATE
    speech = 0.5 * np.sin(np.arange(rate) / 20).astype(np.float32)
    padded = np.concatenate([np.zeros(rate, np.float32), speech, np.full(2 * rate, 1e-3, np.float32)])
    assert len(corpora.trimmed(padded)) == pytest.approx(1.4 * rate, abs=50)
    assert len(corpora.trimmed(speech)) == pytest.approx(rate, abs=50)
    assert len(corpora.trimmed(np.zeros(100, np.float32))) == 100
    assert corpora.add_recording(tmp_path / "index.jsonl", {"id": "a"}, padded) == pytest.approx(1.4, abs=0.01)


def test_held_out_speakers_and_extreme_lengths_stay_out(recipe: tuple[Any, Any], tmp_path: Path) -> None:
    corpora, _ = recipe
    folder = tmp_path / "speechocean762"
    folder.mkdir()
    lines = [("so1", 3), ("so1", 3), ("so27", 3), ("so27", 3), ("so3", 0.2), ("so3", 0.2), ("so4", 3), ("so4", 3)]
    rows = [
        {"id": str(number), "lang": "en", "text": "x", "speaker": speaker, "seconds": seconds}
        for number, (speaker, seconds) in enumerate(lines)
    ]
    (folder / "index.jsonl").write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    assert [one.id for one in corpora.read_corpus(folder)] == ["0", "6"]  # every second, of those that may train


def test_the_same_fiftieth_is_held_out_whatever_corpora_are_added(recipe: tuple[Any, Any], tmp_path: Path) -> None:
    _, stage = recipe
    first, second = (store_of(tmp_path / name, [1.0] * 1000) for name in "ab")
    training, held_out = stage.split([second])
    assert 10 <= len(held_out) <= 30
    assert sorted(number for _, number in training + held_out) == list(range(1000))
    assert [place for place in stage.split([first, second])[1] if place[0] is second] == held_out
    assert {number for _, number in stage.split([first])[1]} != {number for _, number in held_out}


def test_batches_are_full_and_alike_in_length(recipe: tuple[Any, Any], tmp_path: Path) -> None:
    _, stage = recipe
    store = store_of(tmp_path / "a", [1.0] * 12 + [10.0] * 12)
    places = [(store, number) for number in range(24)]
    drawn = list(islice(stage.bucketed(places, 12.0, lambda place: place[1], seed=0), 12 + 1))
    seen = sorted(number for batch in drawn for number in batch)
    assert len(set(seen)) == 24  # one round: every utterance is drawn
    for batch in drawn:
        assert sum(store.entries[number]["seconds"] for number in batch) <= 12
        assert len({store.entries[number]["seconds"] for number in batch}) == 1


def test_short_lines_are_clauses_and_single_words_that_are_not_held_out(recipe: tuple[Any, Any]) -> None:
    import short_lines

    clauses = short_lines.clauses_of(["Oh, is it you? Then the rest of us may go.", "Oh. Really?"], 3, ".")
    assert clauses == ["Oh.", "Is it you?", "Really?"]
    assert short_lines.clauses_of(["老师，您好！我们今天去公园散步。"], 4, "。") == ["老师。", "您好。"]
    lines = short_lines.short_lines(clauses, ["Rest.", "Go."], "Oh, hello.", seed=1)
    assert sorted(lines) == ["Go.", "Is it you?", "Really?", "Rest."]


def test_tables_follow_the_codes(recipe: tuple[Any, Any], tmp_path: Path) -> None:
    """A tokenizer whose codes change places: so do the rows of the tables, and those of codes not seen stay."""
    import moved_codes

    _, stage = recipe
    torch.manual_seed(0)
    before = SpeechTokenizer(SpeechTokenizerConfig(d_model=16, heads=2, ffn=16, layers_before=1, code_width=8)).eval()
    hidden = [np.random.default_rng(n).normal(size=(40, 16)) for n in range(9)]
    old = [tokens_from_hidden(before, stage.FROZEN_LAYERS, states) for states in hidden]
    places = np.random.default_rng(0).permutation(stage.AUDIO_CODES)
    folder = tmp_path / "zh_daily"
    write_index(folder, [{"id": str(number)} for number in range(9)])
    write_feature(folder, "hidden", hidden)
    write_feature(folder, "tokens", [places[tokens] for tokens in old])
    shares = moved_codes.shares_of_old(before, [FeatureStore(folder)])
    rows = torch.randn(5 + stage.AUDIO_CODES, 4)
    (changed,) = moved_codes.carried("lm", {"model.embed_tokens.weight": rows}, shares, 5).values()
    seen = np.unique(np.concatenate(old))
    assert torch.equal(changed[:5], rows[:5])
    torch.testing.assert_close(changed[5 + places[seen]], rows[5 + seen])
    write_feature(folder, "tokens", old)
    with pytest.raises(SystemExit, match="No code has moved"):
        moved_codes.shares_of_old(before, [FeatureStore(folder)])
    unseen = np.setdiff1d(np.arange(stage.AUDIO_CODES), places[seen])
    torch.testing.assert_close(changed[5 + unseen], rows[5 + unseen])
