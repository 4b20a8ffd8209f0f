"""A preparation that runs again does not double what it wrote."""

from pathlib import Path

from glmtts.data import Dataset, ShardWriter, SourceConfig, Utterance
from glmtts.data.known import KnownUtterances
from glmtts.data.shard import name_hash
from tests.data.made_up import few_open_files, utterance, write


def prepare(folder: Path, count: int) -> int:
    """Write the utterances that are not there yet, as docs/data.md shows; gives their number."""
    added = 0
    with ShardWriter(folder, shard_seconds=3) as writer:
        for number in range(count):
            if not writer.holds(f"u{number}"):
                writer.add(utterance(number))
                added += 1
    return added


def test_a_preparation_that_runs_twice_doubles_nothing(tmp_path: Path) -> None:
    assert [prepare(tmp_path / "new", count) for count in (5, 5, 8)] == [5, 0, 3]
    dataset = Dataset.open([SourceConfig(path=tmp_path / "new")])
    assert [one.id for one in dataset.utterances()] == [f"u{number}" for number in range(8)]


def test_what_is_being_written_is_known_too(tmp_path: Path) -> None:
    folder = write(tmp_path / "speech", [30.0, 40.0, 50.0], shard_seconds=60)
    assert KnownUtterances(folder)._hashes.nbytes == 12
    with ShardWriter(tmp_path / "other") as writer:
        writer.add(utterance(1))
        assert writer.holds("u1")
        assert not writer.holds("u2")
        writer.add(utterance(2))
        assert writer.holds("u2")


def test_names_of_one_hash_are_told_apart(tmp_path: Path) -> None:
    one, other = _collision()
    with ShardWriter(tmp_path / "new", name="new") as writer:
        writer.add(Utterance(one, "x", "en", "s", 1.0))
    known = KnownUtterances(tmp_path / "new")
    assert one in known
    assert other not in known


def _collision() -> tuple[str, str]:
    seen: dict[int, str] = {}
    for number in range(1_000_000):
        name = f"n{number * 2654435761 % 2**32:08x}"
        digest = name_hash("new", name)
        if digest in seen:
            return seen[digest], name
        seen[digest] = name
    raise AssertionError("no collision")


def test_more_shards_than_files_may_be_open(tmp_path: Path) -> None:
    folder = write(tmp_path / "toy", [2.0] * 24, shard_seconds=1)
    with few_open_files(12):
        known = KnownUtterances(folder)
        assert all(f"u{number}" in known for number in range(24))
        assert "u24" not in known
