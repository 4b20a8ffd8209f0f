"""An exported model as a system under test, whose lines are decoded together."""

from pathlib import Path

import numpy as np
import pytest

from glmtts.errors import ConfigError, EvaluationError
from glmtts.eval.items import Item
from glmtts.eval.systems import SystemSpec, load
from glmtts.onnx.bundle import OnnxBundle
from glmtts.onnx.synthesizer import OnnxSynthesizer

TEXTS = ["Good morning.", "你好，世界。今天很好。", "The rain stays mainly in the plain."]


@pytest.mark.parametrize("speed", [1.0, 1.25])
def test_texts_together_are_what_each_is_alone(exported: OnnxBundle, speed: float) -> None:
    with OnnxSynthesizer(exported) as tts:
        together = tts.say_batch(TEXTS, "tone", seeds=[3, 4, 5], speed=speed)
        for text, seed, audio in zip(TEXTS, (3, 4, 5), together, strict=True):
            assert np.array_equal(audio.samples, tts.say(text, "tone", seed=seed, speed=speed).samples)
        with pytest.raises(ConfigError, match="3 texts, 2 voices and 3 seeds"):
            tts.say_batch(TEXTS, ["tone", None])


def test_an_exported_model_is_a_system_like_a_bundle(exported_folder: Path, tiny_folder: Path) -> None:
    exported, bundle = (load(SystemSpec.parse(name)) for name in (f"onnx:{exported_folder}", f"bundle:{tiny_folder}"))
    assert exported.about()["runtime"] == "onnx" and exported.about()["sha256"] != bundle.about()["sha256"]
    items = [Item(str(number), text, "en", number) for number, text in enumerate(TEXTS[::2])]
    outputs = exported.speak(items)
    with OnnxSynthesizer(OnnxBundle.open(exported_folder, threads=1)) as tts:
        for item, output in zip(items, outputs, strict=True):
            said = tts.say(item.text, "tone", seed=item.number, language="en")
            assert output.samples is not None and output.rate == said.rate
            assert np.array_equal(output.samples, said.samples)


@pytest.mark.parametrize(("spec", "said"), [("onnx", "onnx:FOLDER"), ("onnx:x?device=cuda", "on the CPU")])
def test_what_an_exported_model_cannot_be_asked_is_one_sentence(spec: str, said: str) -> None:
    with pytest.raises(EvaluationError, match=said):
        load(SystemSpec.parse(spec))
