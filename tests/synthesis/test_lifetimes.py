"""Threads, processes and modules begin once and end."""

import gc
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import torch

import glmtts
from glmtts.bundle import Bundle

pytestmark = pytest.mark.long


def decoding_threads() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == "token-service"]


def test_closing_ends_the_threads_and_it_can_speak_again(tiny_folder: Path) -> None:
    before = len(decoding_threads())
    with glmtts.load(tiny_folder) as tts:
        first = [chunk.samples for chunk in tts.stream("Hello.")]
        assert len(decoding_threads()) == before + 1
    assert len(decoding_threads()) == before
    again = [chunk.samples for chunk in tts.stream("Hello.")]
    assert torch.equal(torch.cat(first), torch.cat(again))
    tts.close()
    tts.close()
    assert len(decoding_threads()) == before


def test_a_stream_whose_thread_ends_is_served_by_another(tiny_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with glmtts.load(tiny_folder) as tts:
        first = [chunk.samples for chunk in tts.stream("Hello.")]
        generator, open_service = tts.generator, tts.generator._open_service
        opened = [open_service()]  # by a stream that comes to its request only after `close`
        generator.close()
        monkeypatch.setattr(generator, "_open_service", lambda: opened.pop() if opened else open_service())
        again = [chunk.samples for chunk in tts.stream("Hello.")]
        broken = open_service()
        broken._inbox.put("no request")  # type: ignore[arg-type]
        broken._thread.join(timeout=60)
        third = [chunk.samples for chunk in tts.stream("Hello.")]
    assert torch.equal(torch.cat(first), torch.cat(again)) and torch.equal(torch.cat(first), torch.cat(third))
    assert generator._service is None


def test_four_threads_load_a_module_once(tiny_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bundle, loaded = Bundle.open(tiny_folder), list[str]()
    load, together = Bundle._load, threading.Barrier(4)

    def counted(self: Bundle, entry: object, keep: bool) -> object:
        loaded.append(entry.file)  # type: ignore[attr-defined]
        return load(self, entry, keep)  # type: ignore[arg-type]

    def ask(_: int) -> object:
        together.wait(timeout=30)
        return bundle.lm

    monkeypatch.setattr(Bundle, "_load", counted)
    with ThreadPoolExecutor(4) as pool:
        models = list(pool.map(ask, range(4)))
    assert all(model is models[0] for model in models)
    assert loaded == ["lm.safetensors"]


def test_what_runs_outside_is_ended_and_started_anew(tiny_folder: Path) -> None:
    class Outside:
        closed = 0

        def close(self) -> None:
            self.closed += 1

    bundle = Bundle.open(tiny_folder)
    bundle._modules["vocoder"] = outside = Outside()
    bundle.close()
    bundle.close()
    assert outside.closed == 1
    assert not isinstance(bundle.vocoder, Outside)


def test_a_dropped_synthesizer_leaves_no_thread(tiny_folder: Path) -> None:
    before = len(decoding_threads())
    for _ in range(3):
        tts = glmtts.load(tiny_folder)
        next(tts.stream("Hello."))
        del tts
        gc.collect()
    assert len(decoding_threads()) == before


def test_a_program_that_leaves_a_stream_ends_well(tiny_folder: Path) -> None:
    """Two synthesizers, so that it ends in the middle of two."""
    program = (
        "import sys, glmtts\n"
        "several = [glmtts.load(sys.argv[1]) for _ in range(2)]\n"
        "for tts in several:\n"
        "    for chunk in tts.stream('A long answer. It leaves while it is spoken. And one more sentence.'):\n"
        "        break\n"
    )
    done = subprocess.run([sys.executable, "-c", program, str(tiny_folder)], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-300:]
