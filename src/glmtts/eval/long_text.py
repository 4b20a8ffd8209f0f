"""Long texts to read: sentences from a small grammar, the same for a seed, as many as are wanted."""

import random
from collections.abc import Iterator

WHO = ["the old captain", "my younger sister", "the village doctor", "a tall stranger", "the gardener", "our neighbor"]
DID = ["walked slowly", "came back", "looked up", "waited quietly", "told a story", "sat down"]
WHERE = ["by the river", "near the stone bridge", "in the kitchen", "under the apple trees", "at the station"]
WHEN = ["In the morning", "After supper", "On the last day of May", "Before the rain came", "Late that night"]
THEN = ["and nobody said a word", "while the children were asleep", "because the road was long and dark"]
SHORT = ["It was cold.", "The bells rang twice.", "What a quiet evening it was!", "Who could have known?"]
ZH_WHO = ["老船长", "我妹妹", "村里的医生", "一个高个子的客人", "园丁", "我们的邻居"]
ZH_DID = ["慢慢地走着", "又回来了", "抬起了头", "安静地等着", "讲了一个故事", "坐了下来"]
ZH_WHERE = ["在河边", "在石桥旁边", "在厨房里", "在苹果树下", "在车站"]
ZH_WHEN = ["早上", "吃完晚饭以后", "五月的最后一天", "下雨以前", "那天深夜"]
ZH_THEN = ["谁也没有说话", "孩子们都睡着了", "因为路又长又黑"]
ZH_SHORT = ["天气很冷。", "钟响了两下。", "多么安静的晚上啊！", "谁会想到呢？"]
WORDS_A_MINUTE = {
    "en": 170,
    "zh": 260,
}  # characters in Mandarin; a bit more than is read, so that a text is long enough


def sentences(language: str, seed: int = 0) -> Iterator[str]:
    """Sentences without end; every fifth is a short one."""
    draw = random.Random(seed)
    while True:
        for _ in range(4):
            yield _english(draw) if language == "en" else _mandarin(draw)
        yield draw.choice(SHORT) + " " if language == "en" else draw.choice(ZH_SHORT)


def long_text(language: str, minutes: float, seed: int = 0) -> str:
    """A text that takes about so many minutes to read."""
    parts, length = [], 0
    for sentence in sentences(language, seed):
        if length >= WORDS_A_MINUTE[language] * minutes:
            break
        parts.append(sentence)
        length += len(sentence.split()) if language == "en" else len(sentence)
    return "".join(parts).strip()


def _english(draw: random.Random) -> str:
    when, who, did, where, then = (draw.choice(words) for words in (WHEN, WHO, DID, WHERE, THEN))
    return f"{when} {who} {did} {where}, {then}. "


def _mandarin(draw: random.Random) -> str:
    parts = (ZH_WHEN, ZH_WHO, ZH_WHERE, ZH_DID, ZH_THEN)
    when, who, where, did, then = (draw.choice(words) for words in parts)
    return f"{when}，{who}{where}{did}，{then}。"
