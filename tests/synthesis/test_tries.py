"""Drafts, tries with all candidates, and the halves of a sentence whose words are lost."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

import glmtts
from glmtts.errors import ConfigError
from glmtts.judging.faults import Fault, Target
from glmtts.lm.candidates import CandidateSet
from glmtts.synthesis.cuts import halves
from glmtts.synthesis.options import settings
from glmtts.synthesis.segment import Segment
from glmtts.synthesis.settings import Draft, SynthesisDefaults
from glmtts.synthesis.synthesizer import Synthesizer
from glmtts.synthesis.tries import tries
from glmtts.text.frontend import Piece
from glmtts.text.labels import LABEL_IDS
from tests.synthesis.label_reader import reading_labels

TEXT = "the quiet river runs along the old stone bridge and was closed"

Says = Callable[[Sequence[str]], list[int]]


@pytest.fixture(scope="module")
def loaded(tiny_folder: Path) -> Synthesizer:
    return glmtts.load(tiny_folder)


@pytest.fixture
def tts(loaded: Synthesizer, monkeypatch: pytest.MonkeyPatch) -> Synthesizer:
    return reading_labels(loaded, monkeypatch)


def said(phonemes: Sequence[str]) -> list[int]:
    """Tokens that say `phonemes`."""
    return [token for label in phonemes for token in (LABEL_IDS[label], 0)]


def segment_of(tts: Synthesizer, text: str = TEXT, **changes: object) -> Segment:
    (segment,) = tts.segments([Piece(text)], None, 0, {"phoneme_in": "all"})
    return replace(segment, settings=segment.settings.model_copy(update={"max_nll": 1.0, **changes}))


def drafts(*counts: int, max_nll: float = 0.5) -> tuple[Draft, ...]:
    return tuple(Draft(candidates=count, max_nll=max_nll) for count in counts)


def decoded_as(monkeypatch: pytest.MonkeyPatch, answer: Callable[[CandidateSet], list[int]]) -> list[int]:
    """Let every candidate of a set say what `answer` gives for it; gives the numbers of candidates that were asked."""
    asked: list[int] = []

    def decode(model: object, layout: object, sets: Sequence[CandidateSet]) -> Iterator[int]:
        for number, candidates in enumerate(sets):
            asked.append(len(candidates.requests))
            for request in candidates.requests:
                request.tokens, request.finish_reason = answer(candidates), "stop"
            yield number

    monkeypatch.setattr("glmtts.synthesis.generator.decode_sets", decode)
    return asked


def test_a_draft_without_doubt_spares_the_others(tts: Synthesizer, monkeypatch: pytest.MonkeyPatch) -> None:
    segment = segment_of(tts, candidates=6, drafts=drafts(1, 4))
    asked = decoded_as(monkeypatch, lambda candidates: said(segment.phonemes))
    assert dict(tts.generator.generate([segment])) == {0: [said(segment.phonemes)]}
    assert asked == [1]


def test_a_draft_in_doubt_calls_the_others(tts: Synthesizer, monkeypatch: pytest.MonkeyPatch) -> None:
    segment = segment_of(tts, candidates=6, drafts=drafts(1, 4))
    short = said(segment.phonemes)[:-12]
    asked = decoded_as(
        monkeypatch, lambda candidates: short if len(candidates.requests) < 6 else said(segment.phonemes)
    )
    assert dict(tts.generator.generate([segment])) == {0: [said(segment.phonemes)]}
    assert asked == [1, 4, 6]


@pytest.mark.parametrize(("candidates", "counts"), [(8, (1, 2)), (32, ()), (12, (2, 4)), (4, (16, 2))])
def test_tries_draw_with_seeds_of_their_own(tts: Synthesizer, candidates: int, counts: tuple[int, ...]) -> None:
    plan = tries(segment_of(tts, candidates=candidates, drafts=drafts(*counts)).settings, "en")
    seeds = [one.first_seed + 100 * number for one in plan for number in range(one.candidates)]
    assert len(seeds) == len(set(seeds)) == sum(counts) + 3 * candidates
    assert [one.last for one in plan] == [False] * (len(counts) + 2) + [True]


@pytest.mark.parametrize("candidates", [1, 8, 10])
def test_seeds_of_ten_candidates_are_those_of_the_figures(tts: Synthesizer, candidates: int) -> None:
    plan = tries(segment_of(tts, candidates=candidates, drafts=drafts(2, 4)).settings, "en")
    assert [one.first_seed for one in plan] == [3000, 4000, 0, 1000, 2000]


def test_a_draft_is_for_its_languages_alone(tts: Synthesizer) -> None:
    mandarin = Draft(candidates=2, max_nll=0.1, languages=("zh",))
    how = tts.defaults.model_copy(update={"drafts": (mandarin, *drafts(4)), "candidates": 8})
    expected = {"en": [(4, 3000, 0.5)], "zh": [(2, 3000, 0.1), (4, 4000, 0.5)]}
    for text, language in (("Good morning.", "en"), ("早上好。", "zh"), ("今天的 meeting 很长。", "zh")):
        for segment in tts.segments(tts.frontend.prepare(text), None, 0, {}):
            assert segment.language == language
            plan = [(one.candidates, one.first_seed, one.max_nll) for one in tries(how, segment.language)]
            assert plan[:-3] == expected[language]


def test_drafts_of_earlier_files_have_one_limit(tts: Synthesizer) -> None:
    given = {**tts.defaults.model_dump(exclude={"drafts"}), "drafts": [1, 4], "draft_nll": 0.5}
    assert tts.defaults.parse(given).drafts == drafts(1, 4)
    assert tts.defaults.parse({**given, "drafts": []}).drafts == ()
    with pytest.raises(ConfigError, match="drafts"):
        tts.defaults.parse({**given, "drafts": [0]})


@pytest.mark.parametrize("counts", [None, 4, "44", {"4": 1}])
def test_drafts_of_earlier_files_that_are_no_list_are_refused(counts: object) -> None:
    with pytest.raises(ConfigError, match="drafts must be a list"):
        SynthesisDefaults.parse({"drafts": counts, "draft_nll": 0.8})


@pytest.mark.parametrize(
    "given",
    [
        {"blocks": []},
        {"blocks": [0]},
        {"blocks": [25, -1]},
        {"candidates": 0},
        {"stream_candidates": 0},
        {"steps": 0},
        {"pause_seconds": -0.1},
        {"pause_seconds": float("inf")},
        {"max_nll": -0.1},
        {"max_nll": float("nan")},
        {"max_audio_nll": -1},
        {"guidance": float("nan")},
        {"guidance": -1},
        {"flow_temperature": float("inf")},
        {"drafts": [{"candidates": 2, "max_nll": -0.1}]},
        {"drafts": [{"candidates": 2, "max_nll": float("nan")}]},
        {"drafts": [{"candidates": 2, "max_nll": float("inf")}]},
        {"drafts": [{"candidates": 2, "max_nll": 0.5, "languages": []}]},
        {"drafts": [2], "draft_nll": -0.1},
    ],
)
def test_defaults_with_which_nothing_could_be_spoken_are_refused(given: dict[str, object]) -> None:
    """A stream of empty blocks would never end; below a limit that is negative or NaN nothing would be accepted."""
    with pytest.raises(ConfigError, match=next(iter(given))):
        SynthesisDefaults.parse(given)


def test_who_asks_for_candidates_gets_just_so_many(tts: Synthesizer) -> None:
    drafting = tts.defaults.model_copy(update={"drafts": drafts(1)})
    assert [one.candidates for one in tries(settings(drafting, {"candidates": 5}), "en")] == [5, 5, 5]
    assert [one.candidates for one in tries(settings(drafting, {}), "en")] == [1, 3, 3, 3]
    assert settings(drafting, {}).for_streams(2).drafts == ()


@pytest.mark.parametrize("lost", ["first", "last"])
def test_a_lost_word_at_either_end_is_a_fault(tts: Synthesizer, lost: str) -> None:
    """A word of three phonemes among forty-five costs little a phoneme, and is none the less heard as missing."""
    for text in ("and the quiet river runs along the old bridge and", "他在河边的老桥上慢慢地走着"):
        segment = segment_of(tts, text)
        labels, target = list(segment.phonemes), Target(segment.phonemes)
        kept = labels[labels.index("|") + 1 :] if lost == "first" else labels[: -1 - labels[::-1].index("|")]
        verdict = tts.judge.verdict(said(kept), target)
        assert verdict.faults == [Fault.late if lost == "first" else Fault.truncated]
        assert tts.judge.verdict(said(labels), target).faults == []
        unsure = [*labels[:5], "EN_M", *labels[6:]]
        assert tts.judge.verdict(said(unsure), target).faults == [], "one phoneme inside that is misheard is none"


def test_words_lost_at_a_joint_are_decoded_again_by_halves(tts: Synthesizer, monkeypatch: pytest.MonkeyPatch) -> None:
    """The whole sentence always loses its last word; its halves are said whole."""
    segment = segment_of(tts)
    parts = halves(segment)
    target = {tuple(tts.generator._prompter.requests(one, [0], tts.bundle.lm)[0].prompt_ids): one for one in parts}

    def answer(candidates: CandidateSet) -> list[int]:
        half = target.get(tuple(candidates.requests[0].prompt_ids))
        return said(half.phonemes) + [0] * 20 if half else said(segment.phonemes)[:-10]

    decoded_as(monkeypatch, answer)
    ((_, (tokens, *_)),) = tts.generator.generate([segment])
    heard = tts.judge.reading(tokens)
    assert heard is not None
    assert [label for label in heard.labels if label != "|"] == [label for label in segment.phonemes if label != "|"]
    assert tts.judge.verdict(tokens, Target(segment.phonemes)).faults == []


def test_halves_keep_every_reading(tts: Synthesizer) -> None:
    for text in (TEXT, "他在银行的行长办公室里慢慢地走着，说得很好"):
        segment = segment_of(tts, text)
        left, right = halves(segment)
        assert [*left.phonemes, "|", *right.phonemes] == list(segment.phonemes)
        assert left.hybrid + right.hybrid == segment.hybrid
        assert len({segment.seed, left.seed, right.seed}) == 3
    assert halves(segment_of(tts, "Hello there.")) == [], "two words are not halved"
