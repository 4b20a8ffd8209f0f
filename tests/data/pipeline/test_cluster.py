"""Ray Data as the engine: the same bytes, and a stage's own sentence where it cannot work."""

import sys
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import pytest

from glmtts.data.pipeline.clips import Clip
from glmtts.data.pipeline.config import StageSection
from glmtts.data.pipeline.runner import run_pipeline
from glmtts.data.pipeline.work import Work
from tests.data.pipeline.corpora import MADE, configured, hashes, odd_corpus
from tests.data.pipeline.test_remote import made

pytest.importorskip("ray.data")
if sys.platform == "win32":
    pytest.skip("Ray has no clusters there", allow_module_level=True)

from glmtts.data.pipeline.engines import cluster


def test_ray_ends_in_the_same_bytes(tmp_path: Path) -> None:
    odd_corpus(tmp_path / "raw", 4)
    stages = ({"name": f"{MADE}:PiecesStage"},)
    run_pipeline(configured(tmp_path, stage=stages, engine={}))
    ray_run = configured(tmp_path, "ray", stage=stages, engine={"kind": "ray", "store_mib": 128})
    # as `glm-tts data run` has it, a process of its own: in one that had two clusters before, Ray drops new actors
    with ProcessPoolExecutor(1, get_context("spawn")) as process:
        process.submit(run_pipeline, ray_run).result(timeout=300)
    assert hashes(tmp_path / "ray") == hashes(tmp_path / "out")


@pytest.mark.parametrize(
    ("stage", "options", "sentence"),
    [("FailingStage", {}, "the model is not there. Fetch it."), ("WaitingStage", {}, "begun: Field required")],
)
def test_errors_of_a_stage_travel_as_data(tmp_path: Path, stage: str, options: dict, sentence: str) -> None:
    config, section = configured(tmp_path), StageSection(name=f"{MADE}:{stage}", options=options)
    given = cluster._table(Work(0, (made(),)))
    failed = cluster.StageActor(config, "a", section)(given)
    later = cluster.StageActor(config, "b", StageSection(name="length"))(failed)
    stored = cluster._store(later, config, 0)
    assert sentence in stored[cluster.ERROR][0].as_py()
    assert not (tmp_path / "out").exists()


def test_an_actor_gives_what_its_stage_gives(tmp_path: Path) -> None:
    clips: tuple[Clip, ...] = (made(0.2), made(2.0, 1))
    actor = cluster.StageActor(configured(tmp_path), "length", StageSection(name="length"))
    work = cluster._work(actor(cluster._table(Work(3, clips))))
    assert [clip.id for clip in work.clips] == [clips[1].id]
    assert [one.reason for one in work.decisions if not one.kept] == ["too short"]
