"""Datasets on disk: what goes in comes out, whatever interrupts the writing."""

import json
import multiprocessing
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file

from glmtts.data import Dataset, FeatureSpec, Item, ShardWriter, SourceConfig, UtteranceRef, add_feature
from glmtts.data.manifest import read_manifest
from glmtts.errors import DataError
from tests.data.made_up import mel_of, utterance, write

TOKENS = FeatureSpec(rate=25, made_by="first")


def opened(*folders: Path, features: tuple[str, ...] = ("mel", "speaker")) -> Dataset:
    return Dataset.open([SourceConfig(path=folder) for folder in folders], features)


def everything(dataset: Dataset) -> Iterator[Item]:
    for source, manifest in enumerate(dataset.manifests):
        for number, entry in enumerate(manifest.shards):
            for row in range(entry.utterances):
                yield dataset.load(UtteranceRef(source, number, row, 0.0))


def halved(item: Item) -> np.ndarray:
    return item.features["mel"][::2, 0].astype(np.int32)


def test_what_goes_in_comes_out(tmp_path: Path) -> None:
    lengths = np.random.default_rng(0).uniform(0.5, 9, 60).round(3).tolist()
    folder = write(tmp_path / "toy", [*lengths, 0.01])  # the last one has no frame
    manifest = read_manifest(folder)
    assert len(manifest.shards) > 3
    assert manifest.utterances == 61
    assert manifest.seconds == pytest.approx(sum(lengths) + 0.01)
    assert manifest.features["mel"] == FeatureSpec(rate=50, dtype="float16", shape=(2,))
    dataset = opened(folder)
    for number, (item, length) in enumerate(zip(everything(dataset), [*lengths, 0.01], strict=True)):
        assert item.utterance.seconds == pytest.approx(length)
        assert (item.utterance.id, item.utterance.extra) == (f"u{number}", {"number": number})
        assert item.utterance.speaker == f"s{number // 10}"
        assert np.array_equal(item.features["mel"], mel_of(number, length))
        assert np.array_equal(item.features["speaker"], np.full(4, number))
    assert dataset.verify() == 3 * len(manifest.shards)


def test_files_are_plain_safetensors(tmp_path: Path) -> None:
    folder = write(tmp_path / "toy", [1.0, 2.0])
    (entry,) = read_manifest(folder).shards
    mel = load_file(folder / entry.folder / entry.files["mel"].file)
    assert mel["offsets"].tolist() == [0, 50, 150]
    assert np.array_equal(mel["values"][50:], mel_of(1, 2.0))
    index = load_file(folder / entry.folder / "index.safetensors")
    assert index["seconds"].tolist() == [1.0, 2.0]


def test_a_dataset_grows_and_earlier_shards_stay(tmp_path: Path) -> None:
    folder = write(tmp_path / "toy", [2.0] * 40)
    before = read_manifest(folder)
    write(folder, [3.0] * 5, first=40)
    after = read_manifest(folder)
    assert after.shards[: len(before.shards)] == before.shards
    assert after.utterances == 45
    assert [item.utterance.id for item in everything(opened(folder))] == [f"u{n}" for n in range(45)]


def test_a_feature_is_added_later_and_again(tmp_path: Path) -> None:
    folder = write(tmp_path / "toy", [2.0] * 70)
    shards = len(read_manifest(folder).shards)
    assert add_feature(folder, "tokens", TOKENS, halved, ("mel",)) == shards
    assert add_feature(folder, "tokens", TOKENS, halved, ("mel",)) == 0
    tokens = [item.features["tokens"] for item in everything(opened(folder, features=("tokens",)))]
    assert all(np.array_equal(one, np.arange(0, 100, 2)) for one in tokens)
    again = TOKENS.model_copy(update={"made_by": "second"})
    assert add_feature(folder, "tokens", again, lambda item: halved(item) + 1, ("mel",)) == shards
    dataset = opened(folder, features=("tokens",))
    assert next(everything(dataset)).features["tokens"][0] == 1
    assert dataset.verify() == 4 * shards
    assert len(list(folder.glob("*/tokens*"))) == shards  # what was replaced is gone


def test_a_feature_that_stopped_half_way_goes_on_and_does_not_mix(tmp_path: Path) -> None:
    folder = write(tmp_path / "toy", [2.0] * 70)
    stops = iter([*[False] * 40, True])

    def stopping(item: Item) -> np.ndarray:
        if next(stops):
            raise KeyboardInterrupt
        return halved(item)

    with pytest.raises(KeyboardInterrupt):
        add_feature(folder, "tokens", TOKENS, stopping, ("mel",))
    with pytest.raises(DataError, match=r"2 of 3 shards of .* hold no feature 'tokens'"):
        opened(folder, features=("tokens",))
    assert add_feature(folder, "tokens", TOKENS, halved, ("mel",)) == 2
    stops = iter([*[False] * 40, True])
    with pytest.raises(KeyboardInterrupt):
        add_feature(folder, "tokens", TOKENS.model_copy(update={"made_by": "second"}), stopping, ("mel",))
    with pytest.raises(DataError, match="mixed, made by first and by second"):
        opened(folder, features=("tokens",))
    assert not list(folder.glob(".part-*"))


def test_sources_of_unlike_features_do_not_mix(tmp_path: Path) -> None:
    one, other = write(tmp_path / "one", [2.0] * 3), write(tmp_path / "other", [2.0] * 3)
    add_feature(one, "tokens", TOKENS, halved, ("mel",))
    add_feature(other, "tokens", TOKENS, lambda item: halved(item).astype(np.int16), ("mel",))
    with pytest.raises(DataError, match=r"'tokens' of .*one .*int32.* is not that of .*other .*int16"):
        opened(one, other, features=("tokens",))


@pytest.mark.parametrize(
    ("features", "message"),
    [
        ({"mel": np.zeros((3, 2), np.float16)}, "announced were mel, speaker"),
        ({"mel": np.zeros((3, 3), np.float16), "speaker": np.zeros(4, np.float32)}, r"not float16 of \(3,\)"),
        ({"mel": np.zeros((3, 2), np.float32), "speaker": np.zeros(4, np.float32)}, "not float32"),
        ({"mel": np.float16(1), "speaker": np.zeros(4, np.float32)}, "no axis"),
    ],
)
def test_features_unlike_the_others_are_refused(tmp_path: Path, features: dict, message: str) -> None:
    write(tmp_path / "toy", [2.0])
    specs = read_manifest(tmp_path / "toy").features
    with ShardWriter(tmp_path / "toy", specs) as writer:
        with pytest.raises(DataError, match=message):
            writer.add(utterance(1), features)
        writer.add(utterance(1), {"mel": mel_of(1, 2.0), "speaker": np.ones(4, np.float32)})
    assert [item.utterance.id for item in everything(opened(tmp_path / "toy"))] == ["u0", "u1"]


def test_another_kind_of_a_known_feature_is_refused(tmp_path: Path) -> None:
    write(tmp_path / "toy", [2.0])
    with (
        pytest.raises(DataError, match="Give it another name"),
        ShardWriter(tmp_path / "toy", {"mel": FeatureSpec(rate=25)}) as writer,
    ):
        writer.add(utterance(1), {"mel": mel_of(1, 2.0)})
    assert read_manifest(tmp_path / "toy").utterances == 1


def test_an_exception_leaves_whole_shards_alone(tmp_path: Path) -> None:
    def stops() -> Iterator[float]:
        yield from [2.0] * 70
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write(tmp_path / "toy", stops())  # type: ignore[arg-type]
    dataset = opened(tmp_path / "toy")
    assert [item.utterance.id for item in everything(dataset)] == [f"u{n}" for n in range(60)]
    assert not list((tmp_path / "toy").glob(".part-*"))


def test_a_killed_writer_leaves_a_sound_dataset(tmp_path: Path) -> None:
    """Killed at random moments, three times; what is listed is whole, and the next writer clears what was left."""
    folder, rng = tmp_path / "toy", random.Random(0)
    program = (
        "import sys; from pathlib import Path; from tests.data.made_up import write\n"
        "print(flush=True)\nwhile True: write(Path(sys.argv[1]), [2.0] * 40, shard_seconds=8)"
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    for _ in range(3):
        command = [sys.executable, "-c", program, str(folder)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, env=environment) as process:
            assert process.stdout is not None
            process.stdout.readline()
            time.sleep(rng.uniform(0.05, 0.4))
            process.send_signal(signal.SIGKILL)
        dataset = opened(folder)
        assert dataset.verify() == 3 * len(dataset.manifests[0].shards)
        for item in everything(dataset):
            assert np.array_equal(item.features["mel"], mel_of(int(item.utterance.id[1:]), 2.0))
    write(folder, [2.0])
    listed = {entry.folder for entry in read_manifest(folder).shards}
    assert {path.name for path in folder.iterdir()} == {*listed, "dataset.json", ".lock"}


def test_two_writers_and_a_feature_do_not_disturb_each_other(tmp_path: Path) -> None:
    folder = write(tmp_path / "toy", [2.0] * 60, shard_seconds=10)
    context = multiprocessing.get_context("fork")
    writers = [context.Process(target=write, args=(folder, [2.0] * 60, 10, first)) for first in (1000, 2000)]
    for process in writers:
        process.start()
    add_feature(folder, "tokens", TOKENS, halved, ("mel",))
    for process in writers:
        process.join()
        assert process.exitcode == 0
    dataset = opened(folder)
    dataset.verify()
    numbers = sorted(int(item.utterance.id[1:]) for item in everything(dataset))
    assert numbers == [*range(60), *range(1000, 1060), *range(2000, 2060)]
    add_feature(folder, "tokens", TOKENS, halved, ("mel",))
    assert len(list(everything(opened(folder, features=("tokens",))))) == 180


def test_damage_is_one_sentence(tmp_path: Path) -> None:
    folder = write(tmp_path / "toy", [2.0] * 40)
    entry = read_manifest(folder).shards[1]
    mel = folder / entry.folder / entry.files["mel"].file
    whole = mel.read_bytes()
    mel.write_bytes(whole[:-3] + b"abc")
    with pytest.raises(DataError, match=r"1 of .* files are missing, or not those.*mel"):
        opened(folder).verify()
    mel.write_bytes(whole[:-3])
    with pytest.raises(DataError, match="not the size"):
        list(everything(opened(folder)))
    mel.write_bytes(b"\xff" * len(whole))
    with pytest.raises(DataError, match="cannot be read"):
        list(everything(opened(folder)))
    mel.unlink()
    with pytest.raises(DataError, match="1 of 6 files are missing"):
        opened(folder).verify()
    with pytest.raises(DataError, match="cannot be read"):
        list(everything(opened(folder)))


def test_what_is_no_dataset_says_so(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"holds no dataset.json"):
        opened(tmp_path)
    folder = write(tmp_path / "toy", [2.0])
    with pytest.raises(DataError, match=r"1 of 1 shards of .* hold no feature 'f0'"):
        opened(folder, features=("f0",))
    text = (folder / "dataset.json").read_text()
    (folder / "dataset.json").write_text(text[:30])
    with pytest.raises(DataError, match="cannot be read"):
        opened(folder)
    (folder / "dataset.json").write_text(json.dumps({**json.loads(text), "format": 2}))
    with pytest.raises(DataError, match="format"):
        opened(folder)
    write(tmp_path / "empty", [])
    with pytest.raises(DataError, match="no utterance"):
        opened(tmp_path / "empty")
