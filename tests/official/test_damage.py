"""Whatever of a release or of an interrupted conversion is damaged is one sentence, before anything is written."""

import json
import math
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from glmtts.errors import ReleaseError
from glmtts.official import convert as conversion
from glmtts.official.convert import JOURNAL, convert
from glmtts.official.fetch import check_folder
from glmtts.official.parts import language_model
from glmtts.official.release import Release
from glmtts.official.text import text_config
from tests.official.synthetic_release import write_release

LM, TOKENIZER = "llm/config.json", "speech_tokenizer/config.json"
VOCABULARY, INDEX = "vq32k-phoneme-tokenizer/tokenizer_config.json", "llm/model.safetensors.index.json"
SAFE, WORDS, SPEAKERS = "configs/G2P_able_1word.json", "configs/G2P_replace_dict.jsonl", "configs/spk_prompt_dict.yaml"
LONG = "很长" * 50


@pytest.fixture(scope="module")
def release(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_release(tmp_path_factory.mktemp("release") / "GLM-TTS")


@pytest.fixture
def spoilt(release: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(release, tmp_path / "spoilt"))


def _changed(path: Path, **values: Any) -> None:
    path.write_text(json.dumps({**json.loads(path.read_text()), **values}))


@pytest.mark.parametrize(
    ("file", "values", "sentence"),
    [
        (LM, {"hidden_size": "wide"}, "'wide' as `hidden_size`, which is no size"),
        (LM, {"hidden_size": "32"}, "'32' as `hidden_size`"),
        (LM, {"vocab_size": True}, "'True' as `vocab_size`"),
        (LM, {"vocab_size": 10**30}, "as `vocab_size`, which is no size"),
        (LM, {"max_position_embeddings": None}, "'None' as `max_position_embeddings`"),
        (LM, {"intermediate_size": [1] * 99}, "as `intermediate_size`"),
        (LM, {"num_attention_heads": 0}, "'0' as `num_attention_heads`"),
        (LM, {"num_attention_heads": 0, "head_dim": None}, "'0' as `num_attention_heads`"),
        (LM, {"num_attention_heads": 64, "head_dim": None}, "'0' as `head_dim`"),
        (LM, {"num_key_value_heads": 0}, "'0' as `num_key_value_heads`"),
        (LM, {"num_key_value_heads": 3}, "no multiple of `num_key_value_heads`"),
        (LM, {"head_dim": 15}, "`head_dim` is odd"),
        (LM, {"num_hidden_layers": -1}, "'-1' as `num_hidden_layers`"),
        (LM, {"num_hidden_layers": 0}, "'0' as `num_hidden_layers`"),
        (LM, {"num_hidden_layers": 1}, "tells of 1 layers, and the weights have 2"),
        (LM, {"num_hidden_layers": 9_000_000}, "tells of 9000000 layers"),
        (LM, {"rms_norm_eps": "small"}, "'small' as `rms_norm_eps`"),
        (LM, {"rope_theta": 10**400}, "as `rope_theta`, which is no number above 0"),
        (LM, {"rope_theta": -1.0}, "'-1.0' as `rope_theta`"),
        (TOKENIZER, {"encoder_attention_heads": 0}, "'0' as `encoder_attention_heads`"),
        (TOKENIZER, {"encoder_attention_heads": 5}, "no multiple of `encoder_attention_heads`"),
        (TOKENIZER, {"quantize_position": -2}, "'-2' as `quantize_position`"),
        (TOKENIZER, {"quantize_position": 4}, "tells of 4 layers, and the weights have 3"),
        (TOKENIZER, {"quantize_vocab_size": {}}, "as `quantize_vocab_size`"),
        (INDEX, {"weight_map": ["a"]}, "no index of weights"),
        (INDEX, {"weight_map": {"a": ["b"]}}, "no index of weights"),
        (INDEX, {"weight_map": {"a": f"{LONG}.safetensors"}}, "name too long"),
        (VOCABULARY, {"added_tokens_decoder": ["a"]}, "no table of special tokens"),
        (VOCABULARY, {"added_tokens_decoder": {"x": {"content": "a"}}}, "no table of special tokens"),
        (VOCABULARY, {"added_tokens_decoder": {"1000": "a"}}, "no table of special tokens"),
        (VOCABULARY, {"added_tokens_decoder": {"1000": {"content": 3}}}, "no table of special tokens"),
        (VOCABULARY, {"added_tokens_decoder": {"-7": {"content": "a"}}}, "an id below 0"),
        (VOCABULARY, {"added_tokens_decoder": {str(1 << 40): {"content": "a"}}}, "an id below 0 or above"),
        (VOCABULARY, {"added_tokens_decoder": None}, "no table of special tokens"),
    ],
)  # fmt: skip
def test_wrong_values_are_named(spoilt: Path, tmp_path: Path, file: str, values: dict[str, Any], sentence: str) -> None:
    _changed(spoilt / file, **values)
    _refused(spoilt, tmp_path, sentence)


@pytest.mark.parametrize(
    ("file", "content", "sentence"),
    [
        (LM, b"[]", "holds no keys and values"),
        (LM, b"7", "holds no keys and values"),
        (LM, b'{"vocab_size": NaN}', "config.json is damaged"),
        (LM, b"[" * 100_000, "config.json is damaged"),
        (LM, b"\xff\xfe", "config.json is damaged"),
        (TOKENIZER, b'"text"', "holds no keys and values"),
        (INDEX, b"[]", "holds no keys and values"),
        (INDEX, b"{}", "no index of weights"),
        (VOCABULARY, b"[1]", "holds no keys and values"),
        (SAFE, b'["a", 1]', "no list of characters"),
        (SAFE, b'["\\ud800"]', "no list of characters"),
        (WORDS, "长大".encode("gbk"), "cannot be read as UTF-8"),
        (WORDS, b'{"a": "\\udfff"}', "line 1: not an object"),
        (WORDS, b"[" * 100_000, "line 1: not an object"),
        (SPEAKERS, b"jam: [-1]", "no table of speakers"),
        (SPEAKERS, b"jam: [640000]", "no table of speakers"),
        (SPEAKERS, b"jam: [.inf]", "no table of speakers"),
        (SPEAKERS, b"[" * 20_000, "no table of speakers"),
        (SPEAKERS, b"jam: \xff", "no table of speakers"),
        (SPEAKERS, b"jam: '123'", "no table of speakers"),
        (SPEAKERS, b"jam: [1.7]", "no table of speakers"),
        (SPEAKERS, b"jam: [true]", "no table of speakers"),
        (SPEAKERS, b"jam: {3: 4}", "no table of speakers"),
        (WORDS, b'{"": "a"}', "line 1: not an object"),
    ],
)
def test_files_of_another_kind_are_named(
    spoilt: Path, tmp_path: Path, file: str, content: bytes, sentence: str
) -> None:
    (spoilt / file).write_bytes(content)
    _refused(spoilt, tmp_path, sentence)


def test_a_mark_of_an_editor_and_odd_signs_are_read(spoilt: Path) -> None:
    words, own = {"\u2028长\x85": "<|A4|>"}, spoilt / "configs" / "custom_replace.jsonl"
    for path, read in ((own, words), (spoilt / SAFE, ["你"]), (spoilt / LM, json.loads((spoilt / LM).read_text()))):
        path.write_text(json.dumps(read, ensure_ascii=False), encoding="utf-8-sig")
    release = Release.open(spoilt)
    config = text_config(release)
    assert config.safe_characters == "你" and words.items() <= config.replacements.items()
    assert language_model(release).config.model_dump()["num_layers"] == 2


def _flow(**tensors: torch.Tensor) -> Callable[[Path], None]:
    def change(folder: Path) -> None:
        state = torch.load(folder / "flow" / "flow.pt", weights_only=True)["model"]
        torch.save({"model": state | {f"estimator.{n}.weight": v for n, v in tensors.items()}}, folder / "flow/flow.pt")

    return change


def _hift(change: Callable[[dict[Any, torch.Tensor]], None]) -> Callable[[Path], None]:
    def changed(folder: Path) -> None:
        state = torch.load(folder / "hift" / "hift.pt", weights_only=True)
        change(state)
        torch.save(state, folder / "hift" / "hift.pt")

    return changed


def _twice(folder: Path) -> None:
    """The flow's last weights with and without the prefix of its training."""
    state = torch.load(folder / "flow" / "flow.pt", weights_only=True)["model"]
    state["proj_out.weight"] = 2 * state["estimator.proj_out.weight"]
    torch.save({"model": state}, folder / "flow" / "flow.pt")


GAIN, PLAIN, BIAS = "conv_pre.parametrizations.weight.original0", "conv_pre.weight", "conv_pre.bias"


@pytest.mark.parametrize(
    ("spoil", "sentence"),
    [
        (_flow(proj_out=torch.zeros(80)), r"proj_out.weight has shape \[80\]"),
        (_flow(proj_out=torch.zeros(80, 0)), r"proj_out.weight has shape \[80, 0\]"),
        (_flow(proj_out=torch.zeros(80, 2)), r"another model: position_groups: .* than or equal to 1\. Fetch"),
        (_flow(**{"norm_out.linear": torch.zeros(8, 8)}), "another model: speaker_width: "),
        (_flow(proj_out=torch.zeros(80, 129)), "another model: ff_mult: "),
        (_hift(lambda state: state.update({7: torch.zeros(1)})), "names a tensor 7"),
        (_hift(lambda state: state.update({BIAS: state[BIAS].to_sparse()})), "conv_pre.bias is no plain tensor"),
        (_hift(lambda state: state.update({BIAS: state[BIAS].to("meta")})), "conv_pre.bias is no plain tensor"),
        (_hift(lambda state: state.update({GAIN: torch.zeros(5, 1, 1)})), "original0 does not fit"),
        (_hift(lambda state: state.update({GAIN[:-1] + "1": torch.zeros(32)})), "original0 does not fit"),
        (_twice, r"estimator.proj_out.weight and proj_out.weight both are proj_out.weight"),
        (_hift(lambda state: state.update({PLAIN: torch.zeros(1)})), "has conv_pre.weight beside conv_pre.param"),
    ],
)
def test_weights_of_other_shapes_are_named(
    spoilt: Path, tmp_path: Path, spoil: Callable[[Path], None], sentence: str
) -> None:
    spoil(spoilt)
    _refused(spoilt, tmp_path, sentence)


@pytest.mark.parametrize(
    ("spoil", "name"),
    [
        (_hift(lambda state: state.update({BIAS: state[BIAS] * math.nan})), BIAS),
        (_hift(lambda state: state[GAIN[:-1] + "1"].zero_()), PLAIN),  # a norm of nothing
    ],
)
def test_what_is_no_number_is_named_and_the_rest_is_kept(
    release: Path, spoilt: Path, tmp_path: Path, spoil: Callable[[Path], None], name: str
) -> None:
    spoil(spoilt)
    with pytest.raises(ReleaseError, match=f"hift.pt: {name} holds what is no number"):
        convert(spoilt, tmp_path / "out")
    assert not (tmp_path / "out").exists()
    shutil.copy(release / "hift" / "hift.pt", spoilt / "hift" / "hift.pt")
    assert (convert(spoilt, tmp_path / "out") / "bundle.json").is_file()


@pytest.mark.parametrize(
    ("value", "dtype", "cure"),
    [
        (1e5, torch.float16, "bfloat16"),
        (-7e4, torch.float16, "bfloat16"),
        (3.4e38, torch.float16, "float32"),
        (3.4e38, torch.bfloat16, "float32"),
    ],
)
def test_a_weight_that_a_precision_cannot_hold_is_no_damage(
    spoilt: Path, tmp_path: Path, value: float, dtype: torch.dtype, cure: str
) -> None:
    _hift(lambda state: state.update({BIAS: torch.full_like(state[BIAS], value)}))(spoilt)
    sentence = rf"{BIAS} holds {abs(value):g}, and b?float16 has no number so large\. Convert with --dtype {cure}\."
    with pytest.raises(ReleaseError, match=sentence.replace("+", r"\+")):
        convert(spoilt, tmp_path / "out", dtype=dtype)
    assert (convert(spoilt, tmp_path / "out", dtype=getattr(torch, cure)) / "bundle.json").is_file()


def _refused(folder: Path, tmp_path: Path, sentence: str) -> None:
    with pytest.raises(ReleaseError, match=sentence):
        convert(folder, tmp_path / "out")
    assert sorted(path.name for path in tmp_path.iterdir()) == [folder.name]


def test_places_that_take_nothing_are_one_sentence(release: Path, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    (tmp_path / "taken.part").touch()
    for out in (tmp_path / "file" / "out", tmp_path / "taken", Path("/proc/none/out")):
        with pytest.raises(ReleaseError, match=r"cannot be written: .*what is done is kept"):
            convert(release, out)
    for out in (tmp_path / LONG, tmp_path / "\ud800"):
        with pytest.raises(ReleaseError, match="Choose another path"):
            convert(release, out)
    with pytest.raises(ReleaseError, match="name too long"):
        convert(tmp_path / LONG, tmp_path / "out")
    with pytest.raises(ReleaseError, match="name too long"):
        check_folder(tmp_path / LONG)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "taken.part"]


@pytest.mark.parametrize(
    "journal",
    ['{"lm": {"finger', "[]", "7", '{"lm": []}', '{"lm": {"fingerprint": 1}}', "[" * 100_000, "\udcff", None],
    ids=range(8),
)
def test_an_unreadable_journal_counts_as_none(release: Path, tmp_path: Path, journal: str | None) -> None:
    work = tmp_path / "out.part"
    work.mkdir()
    if journal is None:
        _changed_entries(release, tmp_path, work)
    else:
        (work / JOURNAL).write_bytes(journal.encode(errors="surrogateescape"))
    convert(release, tmp_path / "out")
    assert (tmp_path / "out" / "bundle.json").is_file() and not work.exists()


def _changed_entries(release: Path, tmp_path: Path, work: Path) -> None:
    """Notes of a real conversion, each damaged in another way."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(conversion, "_finish", lambda *given: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            convert(release, tmp_path / "out")
    noted = json.loads((work / JOURNAL).read_text())
    noted["lm"]["entry"] = None
    noted["flow"]["entry"] = {"architecture": "dit"}
    noted["speech_tokenizer"]["entry"]["file"] = "../" + LONG
    noted["vocoder"] = ["hift"]
    (work / JOURNAL).write_text(json.dumps(noted))


def test_what_was_converted_is_on_the_disk_before_it_is_named(
    release: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: list[str] = []
    real = os.fsync

    def fsync(handle: int) -> None:
        synced.append(Path(f"/proc/self/fd/{handle}").resolve().name)
        real(handle)

    if not Path("/proc/self/fd").exists():
        pytest.skip("names of open files are Linux's")
    monkeypatch.setattr("glmtts.durable.os.fsync", fsync)
    convert(release, tmp_path / "out")
    names = [path.name for path in (tmp_path / "out").iterdir()]
    assert all(name in synced[: synced.index("out.part", len(synced) - 2)] for name in names), set(names) - set(synced)
    assert synced[-2:] == ["out.part", tmp_path.name]


def test_text_is_read_before_the_weights(spoilt: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(conversion, "_write", lambda *given: pytest.fail("a module was written first"))
    (spoilt / "configs" / "custom_replace.jsonl").write_bytes(b"\xb3\xa4")
    _refused(spoilt, tmp_path, "custom_replace.jsonl cannot be read as UTF-8")


def test_a_shard_that_changes_meanwhile_is_named(spoilt: Path) -> None:
    from glmtts.official.parts import language_model

    weights = language_model(Release.open(spoilt)).weights
    name = next(iter(weights.shapes()))
    for path in (spoilt / "llm").glob("*.safetensors"):
        path.write_bytes(b"")
    with pytest.raises(ReleaseError, match="truncated or damaged"):
        weights.tensor(name)
