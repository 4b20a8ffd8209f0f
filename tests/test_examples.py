"""The Python of docs/extend.md, docs/scorers.md and docs/vllm.md does what the pages say."""

import re
import shutil
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import torch

import glmtts
from glmtts import stages
from glmtts.bundle import Bundle, save_config, save_module

DOCS = Path(__file__).parents[1] / "docs"


def block(page: str, part: str) -> str:
    """The block of Python of a page that holds `part`."""
    found = re.findall(r"```python\n(.*?)```", (DOCS / page).read_text(encoding="utf-8"), re.DOTALL)
    return next(text for text in found if part in text)


def test_the_vocoder_of_another_package_speaks(
    tmp_path: Path, tiny_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """docs/extend.md, "Add a vocoder"; the page leaves the network to the reader."""
    module = ModuleType("my_package.vocoder")
    exec(block("extend.md", "class MyVocoder(nn.Module)"), module.__dict__)

    class Hum(module.MyVocoder):  # type: ignore[misc, name-defined]
        def __init__(self, config: Any) -> None:
            super().__init__(config)
            self.level = torch.nn.Parameter(torch.tensor(0.25))

        def forward(self, mel_BMT: torch.Tensor) -> torch.Tensor:
            return self.level * torch.ones(len(mel_BMT), mel_BMT.shape[2] * self.config.hop_length)

    monkeypatch.setattr(module, "MyVocoder", Hum)
    monkeypatch.setitem(sys.modules, "my_package", ModuleType("my_package"))
    monkeypatch.setitem(sys.modules, "my_package.vocoder", module)
    monkeypatch.setattr(stages, "_registered", dict(stages._registered))
    exec(block("extend.md", "from glmtts.stages import register"), {})
    folder = tmp_path / "bundle"
    shutil.copytree(tiny_folder, folder)
    config = Bundle.open(folder).config
    sizes = module.MyVocoderConfig(width=8)
    entry = save_module(folder, "vocoder", "my_vocoder", Hum(sizes), sizes)
    save_config(folder, config.model_copy(update={"modules": {**config.modules, "vocoder": entry}}))
    with glmtts.load(str(folder)) as tts:
        assert tts.say("Hi.").samples.abs().max() == pytest.approx(0.25, abs=0.01)
        assert sum(len(chunk.samples) for chunk in tts.stream("Hi.")) > 0


def test_the_checkpoint_for_another_engine_is_a_llama(tmp_path: Path, tiny_folder: Path) -> None:
    """docs/vllm.md: the folder that is written loads as it is, and gives the logits of the bundle's model."""
    transformers = pytest.importorskip("transformers")
    shutil.copytree(tiny_folder, tmp_path / "glm-tts-1.5b")
    names: dict[str, Any] = {}
    code = block("vllm.md", "config.json")
    for name in ("glm-tts-1.5b", "llm-for-vllm"):
        code = code.replace(f'"{name}"', repr(str(tmp_path / name)))
    exec(code, names)
    found, notes = transformers.LlamaForCausalLM.from_pretrained(
        tmp_path / "llm-for-vllm", dtype=torch.float32, output_loading_info=True
    )
    assert not notes["missing_keys"] and not notes["unexpected_keys"]
    lines = block("vllm.md", "SamplingParams").splitlines()
    exec("\n".join(line for line in lines if re.match(r"from glmtts|layout, |text_ids =|allowed =", line)), names)
    layout, model = names["layout"], names["bundle"].lm
    prompt = names["build_prompt"](layout, names["text_ids"])
    ours_C = model.prefill(model.new_state(layout), prompt, copies=1)[0]
    with torch.no_grad():
        theirs_V = found(torch.tensor([prompt])).logits[0, -1]
    codes = slice(layout.first, layout.first + layout.count)
    torch.testing.assert_close(theirs_V[codes], ours_C[: layout.count], atol=1e-4, rtol=1e-4)


def test_the_scorer_of_the_page_scores() -> None:
    """docs/scorers.md, the first example."""
    pytest.importorskip("speechmos")
    names: dict[str, Any] = {}
    exec(block("scorers.md", "scorers.load").replace("print(", "scores = ("), names)
    assert {"dnsmos_overall", "dnsmos_sig"} <= set(names["scores"][0])
