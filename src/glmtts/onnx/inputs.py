"""What the graph of each stage takes, by `onnx.json`: one of another stage or size is told when it is opened."""

from pathlib import Path
from typing import Any

from glmtts.errors import BundleError
from glmtts.onnx.config import OnnxConfig
from glmtts.ort.llama import key_value_names
from glmtts.places import EXPORTED_FILE

Shape = tuple[int | None, ...]  # None: of any size
UNREAD = {"f0"}  # the tracer drops an input that nothing reads, as a mel prior does that knows of no pitch


def check_inputs(stage: str, session: Any, config: OnnxConfig, path: Path) -> None:
    """Compare the inputs of an opened graph with those of the stage `stage`.

    Raises:
        BundleError: it takes others, or others of these sizes.
    """
    wanted, found = _inputs(stage, config), {one.name: one.shape for one in session.get_inputs()}
    wrong = sorted((wanted.keys() ^ found.keys()) - (wanted.keys() & UNREAD))
    wrong += [name for name in sorted(wanted.keys() & found.keys()) if not _fits(found[name], wanted[name])]
    if wrong:
        raise BundleError(
            f"{path} is not the graph that {EXPORTED_FILE} describes: it differs in {', '.join(wrong[:4])}. "
            "Export the model again."
        )


def _inputs(stage: str, config: OnnxConfig) -> dict[str, Shape]:
    """Names and shapes of the inputs of a stage."""
    flow, mel = config.flow, (1, config.mel.n_mels, None)
    rows: dict[str, dict[str, Shape]] = {
        "lm": _language_model(config),
        "flow_inputs": _flow_inputs(config),
        "flow_velocity": {
            "noisy": (None, None, flow.n_mels),
            "t": (None,),
            # with the mel prior behind the tokens
            "embedded": (None, None, None if flow.prior is None else flow.prior + flow.n_mels),
            "prompt": (None, None, flow.n_mels),
            "speaker": (None, None),
            "attention_mask": (None, None),
        },
        "vocoder": {"mel": mel, "octaves": (1, None)} if config.istft.source else {"mel": mel},
        "vocoder_pitch": {"mel": mel},
        "recogniser": {"tokens": (None, None), "positions": (None,), "mask": (None, None)},
        "speech_tokenizer": {"features": (1, config.tokenizer_mels, None)},
        "speaker": {"fbank": (1, None, None)},
    }
    return rows[stage]


def _language_model(config: OnnxConfig) -> dict[str, Shape]:
    sizes = config.lm
    kept = (None, sizes.num_kv_heads, None, sizes.head_dim)
    caches: dict[str, Shape] = {past: kept for past, _ in key_value_names(sizes.num_layers)}
    return {"hidden": (None, None, sizes.hidden_size), "last": (None,), "total": (1,), **caches}


def _flow_inputs(config: OnnxConfig) -> dict[str, Shape]:
    found: dict[str, Shape] = {"tokens": (1, None)}
    if config.flow.prior is not None:
        found |= {"speaker": (1, None), "f0": (1,)}
    if config.flow.adaptation is not None:
        found["adaptation"] = (1, *config.flow.adaptation)
    return found


def _fits(found: list[Any], wanted: Shape) -> bool:
    """Whether a graph takes a shape; its open axes have names in the place of sizes."""
    sizes = zip(found, wanted, strict=False)
    return len(found) == len(wanted) and all(not isinstance(own, int) or size in (None, own) for own, size in sizes)
