"""VERSA's configurations."""

from pathlib import Path

import pytest

from glmtts.errors import EvaluationError
from glmtts.eval.scorers.versa import chosen, load_versa

SPEECH = """
- name: pseudo_mos
  predictor_types: ["utmos", "dnsmos"]
  predictor_args: {utmos: {fs: 16000}}
- name: whisper_wer
  model_tag: base
  beam_size: 5
- name: nisqa
  nisqa_model_path: ./nisqa.tar
- name: speaker
  model_tag: default
- name: mcd_f0
  f0min: 40
"""


def test_each_entry_is_a_scorer_of_ours(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "speech.yaml").write_text(SPEECH)
    assert chosen(tmp_path / "speech.yaml") == [
        ("utmos", {}),
        ("dnsmos", {}),
        ("whisper_wer", {"model": "whisper-base"}),
        ("nisqa", {"weights": "./nisqa.tar"}),
        ("speaker_wavlm", {}),
        ("f0", {}),
    ]
    for said in ("beam_size of 'whisper_wer'", "f0min of 'mcd_f0'", "predictor_args of 'pseudo_mos'"):
        assert f"{said} do nothing here" in caplog.text
    assert "nisqa" not in caplog.text


def test_a_configuration_is_loaded(tmp_path: Path) -> None:
    pytest.importorskip("pyworld")
    (tmp_path / "f0.yaml").write_text("- name: mcd_f0\n")
    (scorer,) = load_versa(tmp_path / "f0.yaml")
    assert scorer.name == "mcd_f0" and "f0_rmse" in scorer.columns


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("- name: visqol\n", "asks for \\['visqol'\\]"),
        ("name: pesq\n", "is no scorer configuration"),
        ("- name: [\n", "cannot be read"),
        ("- name: [a, b]\n", "is no scorer configuration"),
        ("- name: pseudo_mos\n  predictor_types: utmos\n", "is a list, such as"),
        ("[]", "names no scorer"),
        ("- name: pseudo_mos\n  predictor_types: []\n", "names no scorer"),
        ("- name: pesq\n  loud: 1\n", "gives 'pesq' the option 'loud', which it does not have"),
        ("- name: nisqa\n  nisqa_model: a.tar\n", "the option 'nisqa_model'"),
        ("- name: mcd_f0\n  f0_min: 40\n  1: 2\n", "the option '1'"),
        ("- name: pseudo_mos\n  predictor_types: [plcmos]\n", "no predictors \\['plcmos'\\]"),
    ],
)
def test_what_is_not_here_is_told(text: str, words: str, tmp_path: Path) -> None:
    (tmp_path / "speech.yaml").write_text(text)
    with pytest.raises(EvaluationError, match=words):
        chosen(tmp_path / "speech.yaml")
