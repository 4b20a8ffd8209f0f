"""What the backends hear and how their results are read; models are tiny or real, never replaced."""

import json
import os
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from glmtts import asr
from glmtts.asr.funasr import timed_words
from glmtts.asr.reverb import read_ctm
from glmtts.asr.transcript import AsrSettings, Word
from glmtts.asr.whisper import FasterWhisper
from glmtts.asr.whisper_hf import TransformersWhisper
from glmtts.audio.io import load_audio
from glmtts.errors import AsrError


def test_a_ctm_becomes_words_and_a_confidence() -> None:
    heard = read_ctm("speech.wav 0 0.50 0.25 hello 1.00\nspeech.wav 0 0.80 0.40 world 0.25\n")
    assert heard.text == "hello world"
    assert heard.words == (Word("hello", 0.5, 0.75), Word("world", 0.8, 1.2))
    assert heard.confidence == pytest.approx(0.5)
    assert read_ctm("") == asr.Transcript("", "en")


def test_times_of_funasr_are_used_only_where_each_word_has_one() -> None:
    result = {"timestamp": [[0, 240], [240, 500]]}
    assert timed_words(["你", "▁hi"], result) == (Word("你", 0.0, 0.24), Word("hi", 0.24, 0.5))
    assert timed_words(["你", "好", "吗"], result) == ()
    assert timed_words(["你"], {}) == ()


@pytest.fixture(scope="module")
def whisper() -> asr.SpeechRecogniser:
    folder = os.environ.get("GLMTTS_TEST_WHISPER", "")
    if not folder:
        pytest.skip("needs GLMTTS_TEST_WHISPER, a folder with Whisper-base in CTranslate2's format")
    pytest.importorskip("faster_whisper")
    return asr.load(f"whisper:{folder}", word_times=True, threads=1)


def test_whisper_hears_words_and_their_times(whisper: asr.SpeechRecogniser, shared: Path) -> None:
    path = next(iter(sorted((shared / "corpus/ravdess").glob("03-01-01-01-01-01-02.opus"))))
    wave = load_audio(path, asr.SAMPLE_RATE).numpy()
    heard, empty = whisper.transcribe([wave, wave[:0]], "en")
    assert "talking by the door" in heard.text
    assert [word.text.lower().strip(".,") for word in heard.words][-2:] == ["the", "door"]
    starts = [word.start for word in heard.words]
    assert starts == sorted(starts) and heard.words[-1].end <= len(wave) / asr.SAMPLE_RATE + 0.1
    assert heard.confidence is not None and 0.3 < heard.confidence < 1
    assert empty == asr.Transcript("", "en")


def test_whisper_refuses_a_language_that_it_does_not_know(whisper: asr.SpeechRecogniser) -> None:
    with pytest.raises(AsrError, match="cannot transcribe"):
        whisper.transcribe([np.zeros(1600, np.float32)], "klingon")


def test_whisper_of_transformers_runs_a_batch_as_one_by_one(tmp_path: Path) -> None:
    transformers = pytest.importorskip("transformers")
    tiny_transformers_whisper(transformers, tmp_path)
    recogniser = asr.load(f"whisper-hf:{tmp_path}", local_only=True)
    waves = [0.1 * np.random.default_rng(n).standard_normal(16000 * n).astype(np.float32) for n in (1, 2)]
    together = recogniser.transcribe([waves[0], waves[0][:0], waves[1]], "en")
    alone = [recogniser.transcribe([wave], "en")[0] for wave in waves]
    assert [together[0], together[2]] == alone
    assert together[1].text == ""
    assert alone[0].text or alone[1].text  # random weights write something


def tiny_transformers_whisper(transformers, folder: Path) -> None:
    """A random Whisper of width 16 with the vocabulary that its tokenizer needs, in the Hub's layout."""
    specials = ["<|endoftext|>", "<|startoftranscript|>", "<|en|>", "<|zh|>", "<|transcribe|>", "<|notimestamps|>"]
    vocabulary = {chr(33 + i): i for i in range(94)} | {token: 94 + i for i, token in enumerate(specials)}
    (folder / "vocab.json").write_text(json.dumps(vocabulary))
    (folder / "merges.txt").write_text("#version: 0.2\n")
    torch.manual_seed(1)
    ids = {token: vocabulary[token] for token in specials}
    config = transformers.WhisperConfig(
        vocab_size=100, d_model=16, encoder_layers=1, decoder_layers=1, encoder_attention_heads=2,
        decoder_attention_heads=2, encoder_ffn_dim=32, decoder_ffn_dim=32, max_target_positions=16,
        pad_token_id=94, bos_token_id=94, eos_token_id=94, decoder_start_token_id=95,
        suppress_tokens=None, begin_suppress_tokens=None,
    )  # fmt: skip
    model = transformers.WhisperForConditionalGeneration(config)
    model.generation_config = transformers.GenerationConfig(
        decoder_start_token_id=95, eos_token_id=94, pad_token_id=94, max_length=16, is_multilingual=True,
        lang_to_id={"<|en|>": ids["<|en|>"], "<|zh|>": ids["<|zh|>"]}, task_to_id={"transcribe": 98},
        no_timestamps_token_id=99,
    )  # fmt: skip
    model.save_pretrained(folder)
    tokenizer = transformers.WhisperTokenizer(str(folder / "vocab.json"), str(folder / "merges.txt"))
    tokenizer.add_special_tokens({"additional_special_tokens": specials[1:]})
    transformers.WhisperProcessor(transformers.WhisperFeatureExtractor(), tokenizer).save_pretrained(folder)


@pytest.mark.parametrize("words", ["", "\n", "no such model\nat all"])
@pytest.mark.parametrize("name", ["whisper", "whisper_hf"])
def test_an_error_without_words_is_told_by_its_kind(name: str, words: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*arguments: object, **options: object) -> None:
        raise ValueError(words)

    loader = SimpleNamespace(from_pretrained=fails)
    package = SimpleNamespace(WhisperModel=fails, WhisperProcessor=loader, WhisperForConditionalGeneration=loader)
    monkeypatch.setattr(f"glmtts.asr.{name}.backend", lambda *arguments: package)
    recogniser = {"whisper": FasterWhisper, "whisper_hf": TransformersWhisper}[name]
    said = "no such model" if words.strip() else "ValueError"
    with pytest.raises(AsrError, match=rf"(cannot be loaded|loaded from 'm'): {said}\. Give a"):
        recogniser("m", AsrSettings(), "w")
