"""The sequence of batches: complete, bounded, the same for everyone, and found without replaying."""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from glmtts.data import BucketSampler, Dataset, ShardWriter, SourceConfig, Utterance, UtteranceRef
from glmtts.errors import ConfigError, TrainingError

PROPERTY = settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
LENGTHS = st.lists(st.floats(0.5, 12, width=32), min_size=1, max_size=80)


def made(folder: Path, lengths: list[float], **config: object) -> SourceConfig:
    """A dataset of these lengths, in shards of a minute, anew."""
    number = len(list(folder.iterdir()))
    with ShardWriter(folder / f"{number}", name="made", shard_seconds=60) as writer:
        for place, length in enumerate(lengths):
            writer.add(Utterance(f"{place}", "x", "zh" if place % 2 else "en", f"s{place // 5}", length))
    return SourceConfig(path=folder / f"{number}", **config)  # type: ignore[arg-type]


def epoch_of(sampler: BucketSampler, epoch: int) -> list[list[UtteranceRef]]:
    """All batches of one epoch; what filters leave may be nothing."""

    def numbered() -> Iterator[list[UtteranceRef]]:
        number = 0
        while (now := sampler.epoch(number)) <= epoch:
            if now == epoch:
                yield sampler.batch(number)
            number += 1

    return list(numbered())


def kept(dataset: Dataset, longest: float = 12.0, held_out: bool = False) -> list[tuple[int, int, int]]:
    return [
        (source, shard, int(row))
        for source, manifest in enumerate(dataset.manifests)
        for shard in range(len(manifest.shards))
        for row in dataset.rows(source, shard, held_out)
        if dataset.shard(source, shard).seconds[row] <= longest
    ]


@PROPERTY
@given(LENGTHS, LENGTHS, st.integers(1, 3), st.integers(1, 3), st.sampled_from([20, 20_000]), st.integers(0, 99))
def test_an_epoch_holds_every_utterance_as_often_as_said(
    tmp_path: Path, one: list[float], other: list[float], repeat: int, every: int, window: int, seed: int
) -> None:
    sources = [made(tmp_path, one, repeat=repeat), made(tmp_path, other, every=every)]
    dataset = Dataset.open(sources)
    sampler = BucketSampler(dataset, batch_seconds=15, seed=seed, window=window)
    wanted = Counter({place: (repeat, 1)[place[0]] for place in kept(dataset)})
    if not wanted:
        return
    for epoch in (0, 1):
        drawn = Counter(ref[:3] for batch in epoch_of(sampler, epoch) for ref in batch)
        assert drawn == wanted


@PROPERTY
@given(LENGTHS, st.floats(1, 30), st.one_of(st.none(), st.integers(1, 7)), st.integers(0, 99))
def test_no_batch_is_over_its_limits(
    tmp_path: Path, lengths: list[float], limit: float, most: int | None, seed: int
) -> None:
    dataset = Dataset.open([made(tmp_path, lengths)])
    sampler = BucketSampler(dataset, batch_seconds=limit, batch_utterances=most, seed=seed, min_seconds=0.7)
    if not any(dataset.shard(s, n).seconds[r] >= 0.7 for s, n, r in kept(dataset, limit)):
        with pytest.raises(TrainingError, match="no utterance is left"):
            sampler.batch(0)
        return
    for batch in map(sampler.batch, range(40)):
        assert batch
        assert max(ref.seconds for ref in batch) * len(batch) <= limit
        assert min(ref.seconds for ref in batch) >= np.float32(0.7)
        assert most is None or len(batch) <= most


@PROPERTY
@given(LENGTHS, st.floats(0.3, 2.5), st.sampled_from([10, 40, 20_000]), st.integers(0, 300), st.integers(0, 99))
def test_seeking_equals_running(
    tmp_path: Path, lengths: list[float], repeat: float, window: int, number: int, seed: int
) -> None:
    dataset = Dataset.open([made(tmp_path, [*lengths, *[3.0] * 60], repeat=repeat)])

    def fresh() -> BucketSampler:
        return BucketSampler(dataset, batch_seconds=15, seed=seed, window=window)

    run = fresh()
    batches = [run.batch(n) for n in range(number + 3)]
    assert fresh().batch(number) == batches[number]
    resumed = fresh()
    assert resumed.load_state_dict(run.state_dict(number)) == number
    assert [resumed.batch(n) for n in range(number, number + 3)] == batches[number:]
    assert run.batch(number // 2) == batches[number // 2]  # backwards


@PROPERTY
@given(LENGTHS, st.integers(1, 4), st.integers(1, 3), st.integers(0, 99))
def test_the_sequence_is_the_same_for_any_number_of_processes(
    tmp_path: Path, lengths: list[float], processes: int, steps: int, seed: int
) -> None:
    """Every process finds its numbers by itself; put together they are what one process draws."""
    dataset = Dataset.open([made(tmp_path, [*lengths, *[3.0] * 60])])
    alone = BucketSampler(dataset, batch_seconds=15, seed=seed, window=30)
    found = {}
    for process in range(processes):
        sampler = BucketSampler(dataset, batch_seconds=15, seed=seed, window=30)
        for number in range(process, steps * processes, processes):
            found[number] = sampler.batch(number)
    assert [found[number] for number in sorted(found)] == [alone.batch(number) for number in range(len(found))]


def test_a_resume_looks_at_one_window(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    dataset = Dataset.open([made(tmp_path, [3.0] * 1000)])
    sampler = BucketSampler(dataset, batch_seconds=15, window=50)
    state = sampler.state_dict(700)
    looked: list[tuple[int, int]] = []
    monkeypatch.setattr(dataset, "rows", lambda s, n, h, _old=dataset.rows: looked.append((s, n)) or _old(s, n, h))
    fresh = BucketSampler(dataset, batch_seconds=15, window=50)
    fresh.batch(fresh.load_state_dict(state))
    assert 0 < len(looked) <= 10


def test_epochs_and_seeds_differ(tmp_path: Path) -> None:
    dataset = Dataset.open([made(tmp_path, np.random.default_rng(0).uniform(1, 9, 300).tolist())])
    first, second = (epoch_of(BucketSampler(dataset, batch_seconds=30), epoch) for epoch in (0, 1))
    other = epoch_of(BucketSampler(dataset, batch_seconds=30, seed=1), 0)
    assert len({str(sorted(batch)) for batch in first} & {str(sorted(batch)) for batch in second}) < len(first) / 4
    assert first[:5] != other[:5]


def test_buckets_hold_padding_down(tmp_path: Path) -> None:
    dataset = Dataset.open([made(tmp_path, np.random.default_rng(0).uniform(1, 9, 1000).tolist())])

    def padding(**size: float) -> float:
        batches = epoch_of(BucketSampler(dataset, **size), 0)  # type: ignore[arg-type]
        padded = sum(len(batch) * max(ref.seconds for ref in batch) for batch in batches)
        return padded / sum(ref.seconds for batch in batches for ref in batch) - 1

    assert padding(batch_seconds=40) < 0.12
    assert padding(batch_utterances=8) > 0.5


def test_a_part_of_a_pass_is_another_in_each_epoch(tmp_path: Path) -> None:
    dataset = Dataset.open([made(tmp_path, [3.0] * 400, repeat=1.25)])
    sampler = BucketSampler(dataset, batch_seconds=30)
    twice = []
    for epoch in (0, 1):
        drawn = Counter(ref[:3] for batch in epoch_of(sampler, epoch) for ref in batch)
        assert set(drawn) == set(kept(dataset))
        twice.append({place for place, times in drawn.items() if times == 2})
        assert 60 <= len(twice[-1]) <= 140
    assert len(twice[0] & twice[1]) < 60


def test_filters_of_a_source(tmp_path: Path) -> None:
    config = made(tmp_path, [3.0] * 200)
    english = Dataset.open([config.model_copy(update={"languages": ("en",), "speakers": ("s1", "s3", "nobody")})])
    drawn = [english.load(ref).utterance for batch in epoch_of(BucketSampler(english, 15), 0) for ref in batch]
    assert {(one.language, one.speaker) for one in drawn} == {("en", "s1"), ("en", "s3")}
    fourth = Dataset.open([config.model_copy(update={"every": 4})])
    drawn = [fourth.load(ref).utterance for batch in epoch_of(BucketSampler(fourth, 15), 0) for ref in batch]
    assert all(int(one.id) % 4 == 0 for one in drawn)
    none = Dataset.open([config.model_copy(update={"languages": ("fr",)})])
    with pytest.raises(TrainingError, match="no utterance is left"):
        BucketSampler(none, batch_seconds=15).batch(0)


def test_the_same_fiftieth_is_held_out_whatever_is_added(tmp_path: Path) -> None:
    config = made(tmp_path, [3.0] * 1000)
    alone, both = Dataset.open([config]), Dataset.open([made(tmp_path, [3.0] * 50), config])
    held_out = kept(alone, held_out=True)
    assert 10 <= len(held_out) <= 30
    everything = [(0, n, row) for n, one in enumerate(alone.manifests[0].shards) for row in range(one.utterances)]
    assert sorted(kept(alone) + held_out) == everything
    assert [(0, *place[1:]) for place in kept(both, held_out=True) if place[0] == 1] == held_out
    unseen = [ref[:3] for batch in epoch_of(BucketSampler(alone, 15, held_out=True), 0) for ref in batch]
    assert sorted(unseen) == held_out
    sample = alone.held_out_sample(8)
    assert sample == alone.held_out_sample(8) and len(set(sample)) == 8
    assert {ref[:3] for ref in sample} <= set(held_out)


@PROPERTY
@given(LENGTHS, st.floats(0, 1), st.floats(6, 30), st.integers(0, 99))
def test_prompts_are_others_of_the_speaker_and_fit(
    tmp_path: Path, lengths: list[float], share: float, limit: float, seed: int
) -> None:
    dataset = Dataset.open([made(tmp_path, [*lengths, *[3.0] * 20])])
    sampler = BucketSampler(dataset, batch_seconds=limit, seed=seed, prompt_share=share)
    may_come = kept(dataset, limit)
    drawn = epoch_of(sampler, 0)
    assert Counter(ref[:3] for batch in drawn for ref in batch) == Counter(may_come)
    for batch in drawn:
        costs = [ref.seconds + (dataset.load(ref.prompt).utterance.seconds if ref.prompt else 0) for ref in batch]
        assert max(costs) * len(batch) <= limit * (1 + 1e-6)
    for ref in (ref for batch in drawn for ref in batch if ref.prompt):
        assert ref.prompt is not None and ref.prompt[:3] in may_come and ref.prompt[:3] != ref[:3]
        speakers = [dataset.load(one).utterance.speaker for one in (ref, ref.prompt)]
        assert speakers[0] == speakers[1]


def test_prompts_come_as_often_as_said_and_evenly(tmp_path: Path) -> None:
    with ShardWriter(tmp_path / "made") as writer:
        for number in range(600):
            writer.add(Utterance(f"{number}", "x", "en", "alone" if number == 7 else f"s{number % 3}", 3.0))
    dataset = Dataset.open([SourceConfig(path=tmp_path / "made")])
    refs = [ref for batch in epoch_of(BucketSampler(dataset, 30, prompt_share=0.4), 0) for ref in batch]
    prompted = [ref for ref in refs if ref.prompt]
    assert 0.34 < len(prompted) / len(refs) < 0.46
    assert len({ref.prompt_row for ref in prompted}) > 0.3 * len(refs)
    every = [ref for batch in epoch_of(BucketSampler(dataset, 30, prompt_share=1.0), 0) for ref in batch]
    assert [ref.row for ref in every if ref.prompt is None] == [7]


def test_a_place_in_other_data_means_nothing(tmp_path: Path) -> None:
    config = made(tmp_path, [3.0] * 20)
    state = BucketSampler(Dataset.open([config]), batch_seconds=15).state_dict(2)
    moved = config.path.rename(tmp_path / "moved")
    same = Dataset.open([config.model_copy(update={"path": moved})])
    assert BucketSampler(same, batch_seconds=15).load_state_dict(state) == 2
    with pytest.raises(TrainingError, match="not those of the checkpoint"):
        BucketSampler(same, batch_seconds=16).load_state_dict(state)
    with ShardWriter(moved) as writer:
        writer.add(Utterance("new", "x", "en", "s", 3.0))
    with pytest.raises(TrainingError, match="not those of the checkpoint"):
        BucketSampler(Dataset.open([SourceConfig(path=moved)]), batch_seconds=15).load_state_dict(state)


def test_a_batch_needs_a_size(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="needs a size"):
        BucketSampler(Dataset.open([made(tmp_path, [3.0])]))
