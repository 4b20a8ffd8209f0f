"""The distribution of hybrid training: trigger probability, uniform share, and what stays text."""

import re

import pytest

from glmtts.text.hybrid_training import HybridCollate, HybridTrainingConfig
from glmtts.text.vocabulary import safe_characters

SENTENCE = "今天天气很热我们去公园散步"
TOKENS = re.compile(r"(?:<\|[A-Z]+\|>)?<\|[A-Z]+\d\|>")


def test_sentences_are_triggered_with_probability_p() -> None:
    collate = HybridCollate(safe_characters(), HybridTrainingConfig(polyphones_in_context=False), seed=1)
    for _ in range(3000):
        collate(SENTENCE)
    statistics = collate.statistics
    assert statistics.sentences == 3000
    assert statistics.trigger_rate == pytest.approx(0.2, abs=0.03)
    assert statistics.replaced_share == pytest.approx(0.25, abs=0.03)


def test_shares_are_uniform_up_to_the_largest() -> None:
    safe = set("甲乙丙丁戊己庚辛壬癸")
    sentence = "甲乙丙丁戊己庚辛壬癸" * 4
    collate = HybridCollate(safe, HybridTrainingConfig(probability=1, polyphones_in_context=False), seed=2)
    shares = sorted(len(TOKENS.findall(collate(sentence))) / len(sentence) for _ in range(1000))
    assert shares[0] < 0.05
    assert 0.45 < shares[-1] <= 0.5
    for quarter in (0.25, 0.5, 0.75):
        assert shares[int(1000 * quarter)] == pytest.approx(0.5 * quarter, abs=0.04)


def test_every_safe_character_is_chosen_alike() -> None:
    collate = HybridCollate(set("甲乙丙丁"), HybridTrainingConfig(probability=1, polyphones_in_context=False), seed=3)
    kept = dict.fromkeys("甲乙丙丁", 0)
    for _ in range(2000):
        for character in collate("甲乙丙丁"):
            if character in kept:
                kept[character] += 1
    assert max(kept.values()) - min(kept.values()) < 150


def test_polyphones_and_rare_characters_stay_text() -> None:
    config = HybridTrainingConfig(probability=1, largest_share=1, polyphones_in_context=False)
    collate = HybridCollate(safe_characters(), config, seed=4)
    for _ in range(200):
        hybrid = collate("银行行长饕餮")
        assert "行" in hybrid and "长" in hybrid and "饕餮" in hybrid


def test_the_same_seed_gives_the_same_text_and_nothing_is_lost() -> None:
    config = HybridTrainingConfig(probability=1, polyphones_in_context=False)
    first, second = HybridCollate(safe_characters(), config, seed=5), HybridCollate(safe_characters(), config, seed=5)
    for _ in range(50):
        hybrid = first(SENTENCE)
        assert hybrid == second(SENTENCE)
        assert len(TOKENS.sub("x", hybrid)) == len(SENTENCE)


def test_a_sentence_without_safe_characters_is_left_alone() -> None:
    collate = HybridCollate(safe_characters(), HybridTrainingConfig(probability=1), seed=6)
    assert collate("hello, world") == "hello, world"
    assert collate.statistics.replaced_share == 0
