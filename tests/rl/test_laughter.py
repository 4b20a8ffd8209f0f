"""The report's rule for laughter, on cases and against the reference."""

import itertools
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from glmtts.asr import Transcript
from glmtts.errors import ConfigError
from glmtts.eval import scorers
from glmtts.rl.rewards.base import Completion, Context
from glmtts.rl.rewards.emotion import emotion_reward
from glmtts.rl.rewards.laughter import Laughter
from glmtts.text.laughter import asks_for_laughter, laughter_reward
from tests.rl import reference

TEXTS = {
    "哈哈，太好笑了。": ("太好笑了", "哈哈太好笑了", "哈，太好笑了"),
    "你真是，嘿嘿嘿。": ("你真是", "你真是嘿嘿嘿", "你真是嘿"),
    "哈，真的？": ("真的", "哈真的"),
    "Ha ha, that is funny.": ("that is funny", "ha ha that is funny", "ha that is funny"),
    "Hey hey, look.": ("look", "hey hey look"),
    "Hey, look at this.": ("look at this", "hey look at this"),
    "Nothing to laugh at.": ("Nothing to laugh at",),
}


@pytest.mark.parametrize("text", TEXTS)
def test_equal_to_the_reference(text: str) -> None:
    for heard, found in itertools.product(TEXTS[text], (True, False)):
        assert laughter_reward(text, found, heard) == reference.laughter(text, found, heard), (heard, found)


def test_one_written_word_of_several_is_enough_to_lose_it() -> None:
    assert laughter_reward("哈哈哈，好。", True, "好。") == 1.0
    assert laughter_reward("哈哈哈，好。", True, "哈，好。") == 0.0
    assert laughter_reward("Hahaha, good.", True, "Good.") == 1.0
    assert laughter_reward("Hahaha, good.", True, "Haha, good.") == 0.0


@pytest.mark.parametrize(
    "text",
    [
        "Hey, he left already.",
        "He, he left.",
        "Hey, ho.",
        "他喜欢嘻哈音乐。",
        "哈哈镜很有趣。",
        "他笑嘻嘻地走了。",
        "嘿哈！",
    ],
)
def test_ordinary_words_are_no_laughter(text: str) -> None:
    assert not asks_for_laughter(text)
    assert laughter_reward(text, True, "") == 0.0


@pytest.mark.parametrize(
    "text",
    [
        "Ha ha.",
        "Haha.",
        "Hehe.",
        "Hee hee.",
        "Hahaha.",
        "Hahah.",
        "Heh, heh.",
        "哈哈",
        "嘻嘻",
        "呵呵",
        "嘿嘿",
        "哈哈镜，哈哈。",
    ],
)
def test_repeated_syllables_are(text: str) -> None:
    assert laughter_reward(text, True, "哈哈镜" if "镜" in text else "") == 1.0


def test_emotion_with_and_without_a_wish() -> None:
    seen = {"happy": 0.7, "neutral": 0.2, "sad": 0.1}
    assert emotion_reward(seen, "happy") == 0.7
    assert emotion_reward(seen, None) == pytest.approx(0.8)
    assert emotion_reward(seen, "angry") is None


def test_a_detector_without_a_number_gives_no_reward_of_zero() -> None:
    scorers.register("own_detector", "tests.rl.own_rewards:Detector")
    one = Completion("a", "Ha ha.", "en", (), (1,), True, np.zeros(24000, np.float32), 24000)
    scores = []
    for found in (float("nan"), 0.1, 0.9):
        reward = Laughter(Context(None), detector="own_detector", detector_options={"found": found})
        reward.__dict__["_recogniser"] = SimpleNamespace(transcribe=lambda waves, language: [Transcript("", language)])
        scores += reward.score([one])
    assert scores == [None, 0.0, 1.0]


@pytest.mark.parametrize("threshold", [-0.1, 1.5, float("nan"), "high"])
def test_a_threshold_is_a_probability(threshold: Any) -> None:
    with pytest.raises(ConfigError, match="threshold of the reward laughter"):
        Laughter(Context(None), threshold=threshold)
