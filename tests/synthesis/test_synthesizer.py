"""From text and voice to audio, with tiny models."""

from collections import OrderedDict
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

import glmtts
from glmtts.audio.io import write_audio
from glmtts.audio.loudness import to_loudness
from glmtts.audio.mel import LogMel
from glmtts.audio.prompt import PROMPT_LUFS, check_prompt
from glmtts.audio.provenance import synthetic_mark
from glmtts.bundle import Bundle
from glmtts.errors import AudioError, ConfigError, TextError, VoiceError
from glmtts.judging.faults import Target
from glmtts.lm.candidates import CandidateSet
from glmtts.synthesis.adapter_pool import base_of
from glmtts.synthesis.options import Options
from glmtts.synthesis.segment import Segment
from glmtts.synthesis.synthesizer import Synthesizer
from glmtts.synthesis.trained_voice import TrainedAdapter, VoiceCard, save_trained
from glmtts.synthesis.voice import Voice
from glmtts.text.frontend import Piece
from glmtts.text.labels import LABEL_IDS, without_boundaries
from glmtts.text.pronunciations import Pronunciations


@pytest.fixture(scope="module")
def tts(tiny_folder: Path) -> Synthesizer:
    return glmtts.load(tiny_folder)


def test_same_seed_same_audio(tts: Synthesizer) -> None:
    first, again, other = (tts.say("Hello 世界.", seed=seed) for seed in (1, 1, 2))
    assert torch.equal(first.samples, again.samples)
    assert not torch.equal(first.samples[:1000], other.samples[:1000])
    assert first.samples.abs().max() <= 1


def test_a_batch_is_what_each_says_alone(tts: Synthesizer) -> None:
    texts, seeds = ["Hello 世界.", "今天天气很好，我们去公园散步吧。" * 3, "Good morning."], [1, 2, 3]
    together = tts.say_batch(texts, seeds=seeds, temperature=1.5)
    for text, seed, audio in zip(texts, seeds, together, strict=True):
        alone = tts.say(text, seed=seed, temperature=1.5)
        torch.testing.assert_close(audio.samples, alone.samples, atol=1e-4, rtol=0)


def test_breaks_are_silence_of_their_length(tts: Synthesizer) -> None:
    plain, paused = tts.say("Hello there."), tts.say('<break time="0.5s"/>Hello there.<break time="1s"/>')
    assert len(paused.samples) == len(plain.samples) + 36000
    assert paused.samples[:12000].abs().max() == 0
    assert paused.samples[-24000:].abs().max() == 0
    streamed = torch.cat([chunk.samples for chunk in tts.stream('Hello there.<break time="1s"/>')])
    assert streamed[-24000:].abs().max() == 0


def test_a_voice_whose_own_text_fills_the_model_is_one_sentence(tts: Synthesizer) -> None:
    endless = replace(tts.voice("tone"), text="This was said in it. " * 230)
    for speak in (lambda: tts.say("Hello.", endless), lambda: list(tts.stream("Hello.", endless))):
        with pytest.raises(VoiceError, match="Clone a shorter recording"):
            speak()
    assert tts.say("Hello.", "tone").seconds > 0


def test_callers_choose_readings_and_speed(tts: Synthesizer) -> None:
    words = Pronunciations({"世界": "ma1 ma1"})
    assert not torch.equal(tts.say("你好，世界。").samples, tts.say("你好，世界。", pronunciations=words).samples)
    options: Options = {"pronunciations": words, "phoneme_in": "ambiguous"}
    (segment,) = tts.segments([Piece("你好，世界。")], None, 0, options)
    assert segment.hybrid.endswith("<|M|><|A1|><|M|><|A1|>。")
    assert tts.say("Hello there.", speed=2).seconds == pytest.approx(tts.say("Hello there.").seconds / 2, abs=0.01)
    with pytest.raises(ConfigError, match="speed is 9"):
        tts.say("Hello.", speed=9)
    with pytest.raises(ConfigError, match="phoneme mode is 'some'"):
        tts.say("Hello.", phoneme_in="some")  # type: ignore[arg-type]


def test_options_have_ranges(tts: Synthesizer) -> None:
    with pytest.raises(ConfigError, match="top-p is 3"):
        tts.say("Hello.", top_p=3)
    with pytest.raises(ConfigError, match="2 texts, 1 voices and 2 seeds"):
        tts.say_batch(["a", "b"], [None])


@pytest.mark.parametrize("history_tokens", [0, 50])
def test_no_texts_give_no_audio(tts: Synthesizer, monkeypatch: pytest.MonkeyPatch, history_tokens: int) -> None:
    monkeypatch.setattr(tts, "defaults", tts.defaults.model_copy(update={"history_tokens": history_tokens}))
    assert tts.say_batch([]) == []


def test_a_text_belongs_to_a_recording(tts: Synthesizer, tmp_path: Path) -> None:
    for voice in ("tone", tmp_path / "me.safetensors", tmp_path / "me.glmvoice", tts.voice()):
        with pytest.raises(VoiceError, match="is no recording but made already"):
            tts.voice(voice, "What it does not say.")


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"sped": 2.0}, "no option 'sped'"),
        ({"language": "klingon"}, "language is 'klingon'"),
        ({"seed": -1}, "seed is -1"),
        ({"seed": True}, "seed is True"),
        ({"seed": "a"}, "seed is 'a'"),
        ({"seed": 10**30}, "seed is 1000"),
        ({"seeds": [1]}, r"no option 'seeds'.*`seed`"),
    ],
)
def test_what_is_no_option_is_refused(tts: Synthesizer, options: dict, sentence: str) -> None:
    with pytest.raises(ConfigError, match=sentence):
        tts.say("Hello.", **options)
    with pytest.raises(ConfigError, match=sentence):
        next(tts.stream("Hello.", **options))
    if "seed" in options:
        with pytest.raises(ConfigError, match=r"no option 'seed'.*`seeds`"):
            tts.say_batch(["Hello."], **options)


def test_bundled_voice_needs_no_tokenizer_and_no_speaker_model(tiny_folder: Path) -> None:
    tts = glmtts.load(tiny_folder)
    tts.say("Hello.")
    assert {"lm", "flow", "vocoder"} <= set(tts.bundle._modules)
    assert not {"speech_tokenizer", "speaker"} & set(tts.bundle._modules)


def test_clones_a_recording_and_saves_the_voice(tts: Synthesizer, tmp_path: Path) -> None:
    tone = 0.3 * torch.sin(torch.arange(48000) / 16000 * 1500)
    write_audio(tmp_path / "me.wav", tone, 16000)
    voice = tts.voice(tmp_path / "me.wav", "A tone.")
    assert voice.mel.shape == (80, 2 * len(voice.tokens))
    assert len(voice.tokens) == 75
    voice.save(tmp_path / "me.safetensors")
    loaded = Voice.load(tmp_path / "me.safetensors")
    assert loaded.text == "A tone."
    assert torch.equal(loaded.tokens, voice.tokens)
    assert loaded.made_with == voice.made_with and set(voice.made_with) == {"speech_tokenizer", "flow"}
    assert tts.say("Hello.", tmp_path / "me.safetensors").seconds > 0


def test_a_reading_that_fills_the_model_is_one_sentence(tts: Synthesizer) -> None:
    def say(voice: Voice) -> object:
        return tts.say("Hello.", voice, **endless)

    def stream(voice: Voice) -> object:
        return list(tts.stream("Hello.", voice, **endless))

    endless: Options = {"pronunciations": Pronunciations({"hello": " ".join(["AH0"] * 2100)})}
    for speak in (say, stream):
        for voice in (tts.voice(), replace(tts.voice(), text="")):
            with pytest.raises(TextError, match=r"takes 2048 with its speech\. Split it"):
                speak(voice)


@pytest.mark.parametrize("name", ["tokens", "mel", "embedding", "f0"])
def test_a_file_of_other_shapes_is_no_voice(tts: Synthesizer, tmp_path: Path, name: str) -> None:
    voice, path = tts.voice(), tmp_path / "a.safetensors"
    for shape in ((), (1,), (1, 1), (1, 1, 1)):
        if len(shape) != voice.tensors()[name].ndim:
            save_file({**voice.tensors(), name: 100 * torch.ones(shape)}, path, metadata=voice.metadata())
            with pytest.raises(VoiceError, match="not a saved voice"):
                tts.voice(path)


def test_a_mel_without_its_tokens_is_not_spoken(tts: Synthesizer, tmp_path: Path) -> None:
    """The flow would be shown it in the place of what it is to speak."""
    voice, path = tts.voice(), tmp_path / "a.safetensors"
    replace(voice, tokens=voice.tokens[:0]).save(path)
    with pytest.raises(VoiceError, match="not a saved voice"):
        tts.voice(path)
    with pytest.raises(VoiceError, match="of other sizes"):
        tts.voice(replace(voice, mel=voice.mel[:, ::2]))


def test_a_trained_voice_whose_file_was_replaced_is_one_sentence(tts: Synthesizer, tmp_path: Path) -> None:
    path, base = tmp_path / "a.glmvoice", base_of(tts.bundle)
    card = VoiceCard(name="a", base_name="tiny", base=base, licence="CC0", consent="Nobody speaks.")
    layer = "base_model.model.model.layers.0.mlp.up_proj"
    factors = {f"{layer}.lora_A.weight": torch.zeros(1, 32), f"{layer}.lora_B.weight": torch.zeros(704, 1)}
    adapter = TrainedAdapter({"lora_alpha": 1}, factors)
    save_trained(path, tts.voice(), card, {"lm": adapter, "flow": adapter})
    voice = tts.voice(path)
    save_trained(path, tts.voice(), card, {"lm": adapter})
    assert voice.adapter is not None
    with pytest.raises(VoiceError, match=r"its flow adapter cannot be read\. Copy it anew"):
        voice.adapter.part("flow", tts.bundle.flow)


def test_a_voice_of_another_model_gives_what_still_fits(tts: Synthesizer, tmp_path: Path) -> None:
    own = replace(tts.voice(), made_with={}, adaptation=torch.ones(tts.bundle.flow.adaptation_shape))
    unknown = tts.voice(own)
    assert unknown.adaptation is None and torch.equal(unknown.tokens, own.tokens)
    digests = {name: tts.bundle.config.modules[name].sha256 for name in ("speech_tokenizer", "flow")}
    same = replace(own, made_with=digests)
    assert tts.voice(same) is same
    with pytest.raises(VoiceError, match="other sizes"):
        tts.voice(replace(same, adaptation=torch.ones(2, 3)))
    replace(same, made_with={**digests, "flow": "another"}).save(tmp_path / "old.safetensors")
    kept = tts.voice(tmp_path / "old.safetensors")
    assert kept.adaptation is None
    assert torch.equal(kept.tokens, own.tokens)
    stranger = replace(same, adaptation=None, made_with={**digests, "speech_tokenizer": "another"})
    assert not tts.voice(stranger).text and tts.say("Hello.", stranger).seconds > 0


def test_the_text_of_a_recording_is_readable(tts: Synthesizer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_audio(tmp_path / "me.wav", 0.3 * torch.sin(torch.arange(48000) / 16000 * 1500), 16000)
    with pytest.raises(VoiceError, match="text of the recording"):
        tts.voice(tmp_path / "me.wav", "???")
    monkeypatch.setattr("glmtts.synthesis.voice.transcribe", lambda samples, rate: "…")
    assert tts.voice(tmp_path / "me.wav").text == ""


def test_bad_recordings_are_refused(tts: Synthesizer, tmp_path: Path) -> None:
    write_audio(tmp_path / "short.wav", torch.ones(100) / 2, 16000)
    write_audio(tmp_path / "silent.wav", torch.zeros(48000), 16000)
    (tmp_path / "noise.wav").write_bytes(b"RIFF nonsense")
    (tmp_path / "broken.safetensors").write_bytes(b"nonsense")
    with pytest.raises(VoiceError, match="1 second or more"):
        tts.voice(tmp_path / "short.wav")
    with pytest.raises(VoiceError, match="silent"):
        tts.voice(tmp_path / "silent.wav")
    with pytest.raises(AudioError, match="corrupt"):
        tts.voice(tmp_path / "noise.wav")
    with pytest.raises(VoiceError, match="not a saved voice"):
        tts.voice(tmp_path / "broken.safetensors")


def test_long_text_is_spoken_piece_by_piece(tts: Synthesizer) -> None:
    assert len(tts.frontend.prepare("今天天气很好，我们去公园散步吧。" * 6)) > 1
    assert tts.say("今天天气很好，我们去公园散步吧。" * 4).seconds > tts.say("今天天气很好。").seconds


@pytest.fixture
def unheard(tiny_folder: Path) -> Synthesizer:
    """Without a recogniser, and with one candidate."""
    bundle = Bundle.open(tiny_folder)
    modules = {name: entry for name, entry in bundle.config.modules.items() if name != "token_recogniser"}
    defaults = {**bundle.config.synthesis, "candidates": 1}
    bundle.config = bundle.config.model_copy(update={"modules": modules, "synthesis": defaults})
    return Synthesizer(bundle)


GOOD = [*range(16), *range(0, 16, 3), *range(15, -1, -1)]


def test_faulty_speech_is_drawn_again(
    unheard: Synthesizer, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    end = [9, 4, 11, 2, 13, 7, 1, 8]
    draws, seeds = iter([[1, 2, 3] * 12, [*end, *GOOD], GOOD]), list[int]()

    def decode(model: object, layout: object, sets: Sequence[CandidateSet]) -> Iterator[int]:
        for number, candidates in enumerate(sets):
            (request,) = candidates.requests
            seeds.append(request.generator.initial_seed())
            request.tokens, request.finish_reason = next(draws), "stop"
            yield number

    monkeypatch.setattr("glmtts.synthesis.generator.decode_sets", decode)
    voice = Voice("A tone.", torch.tensor([*GOOD, *end]), torch.zeros(80, 92), torch.zeros(192), torch.tensor(120.0))
    audio = unheard.say("Hello there.", voice, seed=4)
    assert len(audio.samples) == 960 * len(GOOD)
    assert seeds == [4, 1004, 2004]
    reasons = [record.getMessage() for record in caplog.records]
    assert "go round and round" in reasons[0]
    assert "prompt is said again" in reasons[1]
    assert len(reasons) == 2


def test_the_least_bad_is_spoken_in_the_end(
    unheard: Synthesizer, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def decode(model: object, layout: object, sets: Sequence[CandidateSet]) -> Iterator[int]:
        for number, candidates in enumerate(sets):
            (request,) = candidates.requests
            request.tokens, request.finish_reason = [1, 2, 3], "stop"
            yield number

    monkeypatch.setattr("glmtts.synthesis.generator.decode_sets", decode)
    assert len(unheard.say("Hello there.").samples) == 960 * 3
    assert "spoken with a fault: the end of the text is missing" in caplog.records[-1].getMessage()


@pytest.fixture
def telling(tts: Synthesizer, monkeypatch: pytest.MonkeyPatch) -> tuple[Segment, list[str]]:
    """A segment, and what token n says: label n of the list."""
    next(tts.stream("Hello."))  # starts the service
    (segment,) = tts.segments([Piece("Hello there.")], None, 0, {})
    says = ["", "|", *dict.fromkeys(without_boundaries(segment.phonemes)), "EN_Z", "EN_UW1", "EN_P", "EN_IY1"]
    monkeypatch.setattr(tts.judge, "_kept", OrderedDict())

    def log_probs(tokens: torch.Tensor, start: int = 0, lengths: torch.Tensor | None = None) -> torch.Tensor:
        scores = torch.full((*tokens.shape, len(LABEL_IDS)), -9.0)
        labels = torch.tensor([LABEL_IDS[label] for label in says])[tokens]
        return scores.scatter(-1, labels[..., None], -0.01)

    monkeypatch.setattr(tts.bundle.recogniser, "log_probs", log_probs)
    return segment, says


def test_a_candidate_ends_when_all_is_said(tts: Synthesizer, telling: tuple[Segment, list[str]]) -> None:
    segment, says = telling
    said = [token for label in segment.phonemes for token in [says.index(label)] * 2]
    sequences = [said, said[:-2], said[:-8]]
    complete = tts.judge.complete(sequences, Target(segment.phonemes), segment.settings.max_nll)
    assert complete == [True, True, False]


def test_what_follows_the_text_is_cut_off_in_the_end(
    tts: Synthesizer, telling: tuple[Segment, list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every candidate says more than its text, or goes on in silence; streams as well."""
    segment, says = telling
    said = [token for label in segment.phonemes for token in [says.index(label)] * 2]
    tokens = [*said, 0, 1, *(says.index(label) for label in says[-4:])]

    def ended(candidates: CandidateSet) -> CandidateSet:
        for request in candidates.requests:
            request.tokens, request.finish_reason = tokens, "stop"
        return candidates

    def decode(model: object, layout: object, sets: Sequence[CandidateSet]) -> Iterator[int]:
        for number, candidates in enumerate(sets):
            ended(candidates)
            yield number

    service = tts.generator._service
    monkeypatch.setattr(service, "stream", lambda candidates, choose: (one for one in choose(ended(candidates))))
    monkeypatch.setattr("glmtts.synthesis.generator.decode_sets", decode)
    assert [choices for _, choices in tts.generator.generate([segment])] == [[[*said, 0]]]
    assert list(tts.generator.stream(segment)) == [*said, 0]
    tokens = [*said, *[0] * 22]
    assert [choices for _, choices in tts.generator.generate([segment])] == [[[*said, *[0] * 15]]]
    assert list(tts.generator.stream(segment)) == [*said, *[0] * 15]


def test_a_leak_into_a_stream_is_drawn_again_before_it_is_heard(
    unheard: Synthesizer, monkeypatch: pytest.MonkeyPatch
) -> None:
    next(unheard.stream("Hello."))  # starts the service
    service = unheard.generator._service
    assert service is not None
    end = [9, 4, 11, 2, 13, 7, 1, 8]
    draws = iter([[*end, *GOOD], GOOD])
    monkeypatch.setattr(service, "stream", lambda candidates, choose: (token for token in next(draws)))
    voice = Voice("A tone.", torch.tensor([*GOOD, *end]), torch.zeros(80, 92), torch.zeros(192), torch.tensor(120.0))
    (segment,) = unheard.segments(unheard.frontend.prepare("Hello there."), voice, 0, {})
    assert list(unheard.generator.stream(segment)) == GOOD


def test_audio_plays_in_a_notebook(tts: Synthesizer) -> None:
    assert tts.say("Hi there.")._repr_html_().startswith("<audio controls")


def test_a_saved_file_names_the_model(tts: Synthesizer, tmp_path: Path) -> None:
    for number, audio in enumerate([tts.say("Hi there."), next(tts.stream("Hi there."))]):
        audio.save(tmp_path / f"{number}.flac")
        assert f"with the model {tts.bundle.config.name}" in (synthetic_mark(tmp_path / f"{number}.flac") or "")


def test_other_candidates_without_fault_may_be_rendered(
    tts: Synthesizer, telling: tuple[Segment, list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    segment, says = telling
    said = [token for label in segment.phonemes for token in [says.index(label)] * 2]
    decoded = [said, said, [*said, 0], said[:-8]]

    def decode(model: object, layout: object, sets: Sequence[CandidateSet]) -> Iterator[int]:
        for number, candidates in enumerate(sets):
            for request, tokens in zip(candidates.requests, decoded, strict=True):
                request.tokens, request.finish_reason = tokens, "stop"
            yield number

    monkeypatch.setattr("glmtts.synthesis.generator.decode_sets", decode)
    for best_of, choices in ((1, [said]), (3, [said, [*said, 0]])):
        how = segment.settings.model_copy(update={"candidates": 4, "audio_best_of": best_of, "max_nll": 5.0})
        assert list(tts.generator.generate([replace(segment, settings=how)])) == [(0, choices)]


@pytest.mark.parametrize("gain", [0.02, 0.9])
def test_a_quiet_recording_makes_no_quiet_voice(tts: Synthesizer, tmp_path: Path, gain: float) -> None:
    time = torch.arange(48000) / 24000
    tone = torch.sin(1500 * time) * (0.6 + 0.4 * torch.sin(25 * time))
    write_audio(tmp_path / "usual.wav", 0.3 * tone, 24000)
    write_audio(tmp_path / "other.wav", gain * tone, 24000)
    usual, other = (tts.voice(tmp_path / f"{name}.wav", "") for name in ("usual", "other"))
    loud = usual.mel > -5  # where there is more than the noise of 16 bits
    assert loud.float().mean() > 0.05
    assert float((other.mel - usual.mel).abs()[loud].mean()) < 0.05  # unlevelled 2.7 and 1.1: the log of the gains
    heard = to_loudness(0.3 * tone.numpy(), 24000, PROMPT_LUFS)
    wanted = LogMel(tts.bundle.clock.mel)(torch.from_numpy(heard)[None])[0][:, : usual.mel.shape[1]]
    assert float((usual.mel - wanted).abs()[loud].mean()) < 0.05


def test_saved_and_bundled_voices_stay_as_they_are(tts: Synthesizer, tmp_path: Path) -> None:
    tts.voice("tone").save(tmp_path / "tone.safetensors")
    assert torch.equal(tts.voice(tmp_path / "tone.safetensors").mel, tts.voice("tone").mel)


@pytest.mark.parametrize("voice", [0, b"tone", ["tone"]])
def test_what_is_no_voice_is_refused_by_its_type(tts: Synthesizer, voice: object) -> None:
    """Not looked for by its text, nor taken for the model's own where it is empty."""
    with pytest.raises(VoiceError, match=f"^A voice of the type {type(voice).__name__} is none of this runtime"):
        tts.voice(voice)  # type: ignore[arg-type]


def test_the_text_of_a_recording_is_text(tts: Synthesizer) -> None:
    with pytest.raises(VoiceError, match=r"text of the recording is of the type list\. Give it as a str"):
        tts.voice("me.wav", ["Hello."])  # type: ignore[arg-type]


def test_a_length_below_a_second_is_not_told_as_a_second() -> None:
    with pytest.raises(VoiceError, match=r"is 0\.99 s long\. A voice needs 1 second"):
        check_prompt("me.wav", 0.9964, 0.5)
