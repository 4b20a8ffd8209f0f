"""What a writer refuses, and that nothing of others is lost by it."""

import json
import random
import shutil
import tracemalloc
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from glmtts.data import Dataset, FeatureSpec, ShardWriter, SourceConfig, Utterance, UtteranceRef, add_feature
from glmtts.data.known import KnownUtterances
from glmtts.data.manifest import read_manifest
from glmtts.data.shard import Shard
from glmtts.data.summary import summarise
from glmtts.data.tensors import _CHUNK, Streamed, read_tensors, write_tensors
from glmtts.errors import DataError
from tests.data.made_up import utterance, write

HALF = "\udcff"  # what Python makes of a byte in a file's name that is not UTF-8


def opened(folder: Path, *features: str) -> Dataset:
    return Dataset.open([SourceConfig(path=folder)], features)


def ids(folder: Path) -> list[str]:
    return [one.id for one in opened(folder).utterances()]


def without(folder: Path, *numbers: int) -> None:
    """Take shards out of a dataset's manifest."""
    values = json.loads((folder / "dataset.json").read_text())
    values["shards"] = [shard for number, shard in enumerate(values["shards"]) if number not in numbers]
    (folder / "dataset.json").write_text(json.dumps(values))


@pytest.mark.parametrize(
    ("removed", "following"), [((0,), "000004"), ((1, 2), "000004"), ((3,), "000003"), ((0, 1, 2, 3), "000000")]
)
def test_a_new_shard_takes_no_listed_folder(tmp_path: Path, removed: tuple[int, ...], following: str) -> None:
    folder = write(tmp_path / "toy", [2.0] * 4, shard_seconds=1)
    without(folder, *removed)
    before = ids(folder) if len(removed) < 4 else []
    write(folder, [2.0], shard_seconds=1, first=9)  # one that was taken out, and whose folder is there, makes room
    assert ids(folder) == [*before, "u9"]
    assert read_manifest(folder).shards[-1].folder == following
    opened(folder).verify()


def test_folders_with_names_of_other_tools_stay(tmp_path: Path) -> None:
    folder = write(tmp_path / "toy", [2.0] * 2, shard_seconds=1)
    values = json.loads((folder / "dataset.json").read_text())
    values["shards"][0]["folder"] = "copied"
    (folder / "000000").rename(folder / "copied")
    (folder / "dataset.json").write_text(json.dumps(values))
    write(folder, [2.0] * 2, shard_seconds=1, first=2)
    assert [shard.folder for shard in read_manifest(folder).shards] == ["copied", "000001", "000002", "000003"]
    assert ids(folder) == ["u0", "u1", "u2", "u3"]


@pytest.mark.parametrize("kind", ["f4", "i2", "u4", "f8"])
def test_arrays_of_the_other_byte_order_keep_their_values(tmp_path: Path, kind: str) -> None:
    values = np.array([[1, 2], [3, 500 % 256]])
    specs = {"frames": FeatureSpec(rate=50), "vector": FeatureSpec(rate=None)}
    with ShardWriter(tmp_path / "toy", specs) as writer:
        for order in (">", "<"):
            arrays = {"frames": values.astype(order + kind), "vector": values[0].astype(order + kind)}
            writer.add(Utterance(order, "a", "en", "s", 1.0), arrays)
    dataset = opened(tmp_path / "toy", "frames", "vector")
    for row in range(2):
        item = dataset.load(UtteranceRef(0, 0, row, 1.0))
        assert np.array_equal(item.features["frames"], values)
        assert np.array_equal(item.features["vector"], values[0])
    add_feature(tmp_path / "toy", "sum", FeatureSpec(rate=None), lambda _: values.sum(0).astype(">" + kind))
    assert np.array_equal(
        opened(tmp_path / "toy", "sum").load(UtteranceRef(0, 0, 0, 1.0)).features["sum"], values.sum(0)
    )
    write_tensors(tmp_path / "a.safetensors", {"a": values.astype(">" + kind)}, {})
    assert np.array_equal(read_tensors(tmp_path / "a.safetensors").arrays["a"], values)


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"id": f"bad{HALF}"}, r"utterance 'bad\\udcff': id must be text"),
        ({"id": 7}, "utterance 7: id must be text"),
        ({"text": HALF}, "utterance bad|'bad': text must be"),
        ({"text": None}, "text must be"),
        ({"speaker": HALF, "language": None}, "language and speaker must be"),
        ({"seconds": float("nan")}, "utterance bad has nan seconds"),
        ({"seconds": float("inf")}, "utterance bad has inf seconds"),
        ({"seconds": 1e39}, r"utterance bad has 1e\+39 seconds"),
        ({"seconds": 10**400}, "utterance bad has 1000"),
        ({"seconds": -1.0}, "utterance bad has -1.0 seconds"),
        ({"seconds": "1"}, "utterance bad has '1' seconds"),
        ({"extra": {"snr": np.float32(1)}}, "utterance bad: its extra is no JSON .*float32"),
        ({"extra": {"path": Path("a")}}, "utterance bad: its extra is no JSON"),
        ({"extra": {"path": HALF}}, "utterance bad: its extra is no JSON"),
        ({"extra": {"snr": float("nan")}}, "utterance bad: its extra is no JSON"),
        ({"extra": None}, "utterance bad: its extra is no JSON"),
    ],
)
def test_one_bad_utterance_costs_no_others(tmp_path: Path, values: dict[str, Any], said: str) -> None:
    known = {"id": "bad", "text": "a", "language": "en", "speaker": "s", "seconds": 1.0, "extra": {}}
    with ShardWriter(tmp_path / "toy") as writer:
        writer.add(utterance(0))
        assert not writer.holds(HALF)
        with pytest.raises(DataError, match=said):
            writer.add(Utterance(**{**known, **values}))
        writer.add(utterance(1, np.float32(1.5)))  # type: ignore[arg-type]
    assert ids(tmp_path / "toy") == ["u0", "u1"]
    assert HALF not in KnownUtterances(tmp_path / "toy")


@pytest.mark.parametrize("name", ["index", "a/b", "..", "", ".a", "a\n", HALF])
def test_names_that_no_feature_can_have(tmp_path: Path, name: str) -> None:
    write(tmp_path / "toy", [2.0])
    with pytest.raises(DataError, match="a feature cannot be called"):
        ShardWriter(tmp_path / "toy", {name: FeatureSpec(rate=None)})
    with pytest.raises(DataError, match="a feature cannot be called"):
        add_feature(tmp_path / "toy", name, FeatureSpec(rate=None, made_by="v1"), lambda _: np.zeros(3))
    assert ids(tmp_path / "toy") == ["u0"]


def test_what_dataset_json_cannot_hold(tmp_path: Path) -> None:
    for values in ({"provenance": HALF}, {"name": HALF}, {"features": {"a": FeatureSpec(rate=1, made_by=HALF)}}):
        with pytest.raises(DataError, match="UTF-8 cannot hold"):
            ShardWriter(tmp_path / "toy", **values)
        assert not (tmp_path / "toy").exists()


def everything(folder: Path) -> None:
    dataset = opened(folder)
    summarise(dataset)
    list(dataset.utterances())
    dataset.rows(0, 0)
    KnownUtterances(folder)
    shard = Shard(folder / "000000", dataset.manifests[0].shards[0])
    for row in range(len(shard)):
        shard.get(row, "mel")
        shard.get(row, "speaker")


def test_a_damaged_index_or_feature_is_one_sentence(tmp_path: Path) -> None:
    """Single bytes of the heads are changed at random: what is read is read, or a DataError says what is damaged."""
    folder, rng, refused = write(tmp_path / "toy", [2.0] * 3), random.Random(0), 0
    for path in sorted((folder / "000000").glob("*.safetensors")):
        whole = path.read_bytes()
        head = 8 + int.from_bytes(whole[:8], "little")
        for _ in range(120):
            data = bytearray(whole)
            data[rng.randrange(head if rng.random() < 0.7 else len(whole))] = rng.randrange(256)
            path.unlink()  # a new file: the old one may be mapped
            path.write_bytes(data)
            try:
                everything(folder)
            except DataError:
                refused += 1
        path.unlink()
        path.write_bytes(whole)
    assert refused > 100


@pytest.mark.parametrize(
    "change",
    [
        {"languages": None},
        {"languages": "3"},
        {"speakers": "[]"},
        {"speakers": "["},
        {"speakers": "[" * 99_999},
        {"language": np.array([0, 9], np.int32)},
        {"seconds": np.array([1, np.nan], np.float32)},
        {"split": np.zeros(1, np.uint32)},
        {"record_offsets": np.array([0, 99, 9], np.int64)},
        {"records": None},
    ],
)
def test_an_index_that_contradicts_itself(tmp_path: Path, change: dict[str, Any]) -> None:
    folder = write(tmp_path / "toy", [2.0] * 2)
    path = folder / "000000/index.safetensors"
    index = read_tensors(path)
    arrays = {name: array.copy() for name, array in index.arrays.items()}
    metadata: dict[str, Any] = dict(index.metadata)
    for key, value in change.items():
        (metadata if key in metadata else arrays)[key] = value
    arrays, metadata = ({k: v for k, v in one.items() if v is not None} for one in (arrays, metadata))
    path.unlink()
    write_tensors(path, arrays, metadata)
    values = json.loads((folder / "dataset.json").read_text())
    values["shards"][0]["files"]["index"]["bytes"] = path.stat().st_size
    (folder / "dataset.json").write_text(json.dumps(values))
    for read in (lambda: summarise(opened(folder)), lambda: KnownUtterances(folder), lambda: ids(folder)):
        with pytest.raises(DataError, match=r"index.safetensors is damaged. Restore it from a copy"):
            read()


def test_a_manifest_of_brackets_is_one_sentence(tmp_path: Path) -> None:
    folder = write(tmp_path / "toy", [2.0])
    for text in ("[" * 200_000, '{"a":' * 200_000):
        (folder / "dataset.json").write_text(text)
        with pytest.raises(DataError, match=r"dataset.json is nested too deep"):
            opened(folder)
    shutil.rmtree(folder)


def test_a_long_feature_is_written_in_pieces(tmp_path: Path) -> None:
    size = 8 * _CHUNK
    with (tmp_path / "raw").open("wb") as file:
        file.truncate(size)
    tracemalloc.start()
    try:
        write_tensors(tmp_path / "a.safetensors", {"a": Streamed(tmp_path / "raw", np.dtype("uint8"), (size,))}, {})
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 3 * _CHUNK
    assert read_tensors(tmp_path / "a.safetensors").arrays["a"].shape == (size,)


@pytest.mark.parametrize("name", ["../../victim", "../victim", "a/b", "a\\b", "", ".lock", "C:a", "a\0"])
@pytest.mark.parametrize("key", ["file", "folder"])
def test_names_that_lead_elsewhere_are_refused(tmp_path: Path, name: str, key: str) -> None:
    folder = write(tmp_path / "deep/toy", [2.0])
    for path in (tmp_path / "deep/victim", folder / "victim"):
        path.write_text("kept")
    values = json.loads((folder / "dataset.json").read_text())
    (shard,) = values["shards"]
    (shard if key == "folder" else shard["files"]["mel"])[key] = name
    (folder / "dataset.json").write_text(json.dumps(values))
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(DataError, match=r"dataset\.json cannot be read: .* should match pattern"):
        add_feature(folder, "mel", FeatureSpec(rate=50, made_by="other"), lambda _: np.zeros((1, 2), np.float16))
    assert sorted(tmp_path.rglob("*")) == before


def test_a_file_that_another_feature_names_too_stays(tmp_path: Path) -> None:
    folder = write(tmp_path / "toy", [2.0])
    values = json.loads((folder / "dataset.json").read_text())
    values["shards"][0]["files"]["mel"] = values["shards"][0]["files"]["index"]
    (folder / "dataset.json").write_text(json.dumps(values))
    add_feature(folder, "mel", FeatureSpec(rate=50, made_by="other"), lambda _: np.zeros((1, 2), np.float16))
    assert ids(folder) == ["u0"]
    assert len(opened(folder, "mel").load(UtteranceRef(0, 0, 0, 2.0)).features["mel"]) == 1


@pytest.mark.parametrize("dtype", ["complex64", "float", "nonsense"])
def test_types_that_no_file_holds_are_refused_at_the_start(tmp_path: Path, dtype: str) -> None:
    spec = FeatureSpec(rate=50, dtype=dtype, shape=(2,), made_by="other")
    with pytest.raises(DataError, match=f"of type {dtype} cannot be stored. Use one of"):
        ShardWriter(tmp_path / "new", {"mel": spec})
    assert not (tmp_path / "new").exists()
    folder = write(tmp_path / "toy", [2.0])
    with pytest.raises(DataError, match=f"of type {dtype} cannot be stored"):
        add_feature(folder, "mel", spec, lambda _: pytest.fail("computed"))


def test_what_is_refused_decides_nothing_about_the_others(tmp_path: Path) -> None:
    """The first array says what a feature is, but not where its utterance was refused for another feature."""
    specs = {"one": FeatureSpec(rate=None), "other": FeatureSpec(rate=50)}
    with ShardWriter(tmp_path / "toy", specs) as writer:
        with pytest.raises(DataError, match="no axis"):
            writer.add(utterance(0), {"one": np.zeros(3, np.float64), "other": np.float32(1)})
        writer.add(utterance(1), {"one": np.zeros(4, np.float32), "other": np.zeros(100, np.float32)})
    assert read_manifest(tmp_path / "toy").features["one"].shape == (4,)
