"""English homographs by the words around them: read, lead, use, record and 158 more.

A hashed linear classifier, after Gorman, Mazovetskiy and Nikolaev (2018), whose 162 words it takes; features of a
reading are shared among all words with the same choice of verb or noun, so that rare words learn from common ones.
"""

import re
from functools import lru_cache

from glmtts.text.data import data_file, read_lines
from glmtts.text.derived import ending, sound_of_s
from glmtts.text.english import dictionary
from glmtts.text.hashed import HashedScorer
from glmtts.text.homograph_rules import Rules, table

WEIGHTS, WORDS = "homographs.safetensors", "homographs.tsv"
# Words that no line trained: rules and what other words with the same choice learnt decide.
MORE_WORDS = "homographs_more.tsv"
_TOKEN = re.compile(r"[A-Za-z]+(?:'[A-Za-z]+)?|\d+|[^\sA-Za-z\d]")
REACH, WINDOW = 6, 120
# Words whose plural or third person has one reading, whatever the word has, and those with an entry of their own.
_ONE_READING_WITH_S = frozenset([
    "close", "read", "lead", "live", "wound", "dove", "house", "use", "mouth", "polish",
    "job", "bass", "minute", "produce", "refuse", "desert",
])  # fmt: skip
# Verbs in -ed and -ing that the dictionary reads as the noun they are written like, or with a slip.
_READ_AS_NOUN = frozenset([
    "animating", "buffeted", "buffeting", "contracted", "contracting", "deserting", "escorting", "exploited",
    "exploiting", "incensed", "intrigued",
])  # fmt: skip
# A past of another verb, and verbs that are inflected otherwise.
_PAST_OR_OTHER = frozenset(["dove", "wound", "learned", "blessed", "moped", "overthrow"])
_CLASSES = {
    "to": "to", "modal": "will would can could shall should may might must cannot do does did let 'll n't",
    "have": "have has had having", "be": "am is are was were be been being 's 're",
    "the": "the a an this that these those each every any some no my your his her its our their another both",
    "who": "i you he she it we they who which what",
    "in": "of in on at by for with from into over under about as after before",
    "and": "and or but nor", "more": "very more most too so quite highly",
}  # fmt: skip
_MODALS = frozenset([
    "would", "could", "should", "must", "cannot", "will", "can", "may", "might", "shall",
    "do", "does", "did",
])  # fmt: skip
_BETWEEN = frozenset([
    "i", "you", "he", "she", "it", "we", "they", "anyone", "everyone", "somebody",
    "nobody", "never", "ever", "just", "already", "not", "also",
])  # fmt: skip
# The 's of these is no possessive.
_CONTRACTED = frozenset(
    {"let's", "it's", "that's", "he's", "she's", "there's", "here's", "what's", "who's", "where's", "when's", "how's"}
    | {"why's", "this's"}
)
# What an object begins with, or is; "that" and "those" also begin a clause behind a noun.
_OBJECTS = frozenset([
    "the", "a", "an", "this", "my", "your", "his", "her", "its", "our", "their", "me", "him", "us", "them", "it",
])  # fmt: skip
_CLASS_OF = {word: name for name, words in _CLASSES.items() for word in words.split()}


class HomographModel:
    """Chooses the reading of a homograph from `words`: word → label → ARPAbet phones."""

    def __init__(self, words: dict[str, dict[str, tuple[str, ...]]], scorer: HashedScorer) -> None:
        self.words, self.scorer = words, scorer
        self._rules = Rules(table(), words)

    def known(self, word: str) -> str:
        """The homograph that a word in small letters is or of which it is a form in -s (objects); else empty."""
        if word in self.words:
            return word
        base = word[:-1] if word.endswith("s") else ""
        if base in self.words and base not in _ONE_READING_WITH_S and any(x.endswith("_vrb") for x in self.words[base]):
            return base
        return ""

    def label(self, text: str, start: int, end: int) -> str:
        """The label of highest score for the word at text[start:end]."""
        word = self.known(text[start:end].lower())
        labels = list(self.words[word])
        before, after = text[max(0, start - WINDOW) : start], text[end : end + WINDOW]
        command = _is_command(before, after)
        # the people and their language are written with a capital, which a command has too
        if word == "polish" and (text[start].islower() or command):
            return "polish"
        # the city is written Nice, the institute NICE
        if word == "nice" and not text[start:end].istitle():
            return "nice"
        told = word == "read" and _form_of_read(before)
        told = told or self._rules.label(word, text, start, end)
        told = told or _told_by_the_word_before(before, word, text[start:end], labels)
        if told:
            return told
        verbs = [label for label in labels if label.endswith("_vrb")]
        # seven sentences of the training lines begin so, and all are verbs
        if command and len(verbs) == 1:
            return verbs[0]
        features = features_of(text, start, end)
        return max(labels, key=lambda label: self._score(features, label, kind_of(label, labels)))

    def read(self, text: str, start: int, end: int) -> tuple[str, ...]:
        """Phones of the word at text[start:end] in its sentence; empty where it is no homograph."""
        written = text[start:end].lower()
        word = self.known(written)
        if not word:
            return ()
        phones = self.words[word][self.label(text, start, end)]
        return phones if word == written else (*phones, *sound_of_s(phones[-1]))

    def inflected(self, word: str) -> tuple[str, ...]:
        """Phones of a form in -ed or -ing, which only the verb has (postulating); empty for other words."""
        if word in dictionary() and word not in _READ_AS_NOUN:
            return ()
        for suffix in ("ed", "ing"):
            stem = word.removesuffix(suffix)
            for base in (stem, stem + "e") if stem != word else ():
                verbs = [label for label in self.words.get(base, ()) if label.endswith("vrb")]
                if len(verbs) == 1 and base not in _PAST_OR_OTHER:
                    verb = self.words[base][verbs[0]]
                    return (*verb, *ending(suffix, verb[-1]))
        return ()

    def _score(self, features: list[str], label: str, kind: str) -> float:
        return self.scorer.score(features, label) + self.scorer.score(features, kind)


def _told_by_the_word_before(before: str, word: str, written: str, labels: list[str]) -> str:
    """The label that the word before asks for, where it leaves no choice; else empty.

    The verb after would, can not, didn't … (right in 383 of 384 training lines) and after I, we, they, its form in -s
    after he and she (no line of training or evaluation speaks against it); the noun or adjective after a possessive 's.
    """
    verbs = [label for label in labels if label.endswith("_vrb")]
    words = [token.lower() for token in _TOKEN.findall(before.replace("’", "'"))[-2:]]
    last = words[-1] if words else ""
    if last.endswith("'s") and last not in _CONTRACTED and len(labels) - len(verbs) == 1:
        return next(label for label in labels if label not in verbs)
    # To wound is another verb than the one whose past is wound.
    if len(verbs) != 1 or word == "wound":
        return ""
    if last in ("not", "never", "also", "always"):
        words.pop()
        last = words[-1] if words else ""
    # the I of Part I Project is a number
    subject = last in ("we", "they", "let's") or (last == "i" and written.islower())
    third = last in ("he", "she") and written.lower().endswith("s")
    modal = last in _MODALS or last.endswith(("n't", "'ll", "'d"))
    return verbs[0] if modal or subject or third else ""


def _is_command(before: str, after: str) -> bool:
    """Whether a word begins a sentence and has an object behind it, as a verb has (Desert the camp)."""
    begins = not before.rstrip("\"'“‘( ") or before.rstrip("\"'“‘( ").endswith((".", "!", "?", ":", "\n"))
    follows = re.match(r"\s([A-Za-z]+)", after)
    return begins and follows is not None and follows[1].lower() in _OBJECTS


def _form_of_read(before: str) -> str:
    """The label of "read" after a verb that asks for one form (Have you ever read, did not read); else empty."""
    for token in reversed(_TOKEN.findall(before)[-REACH:]):
        word = token.lower()
        # haven't, hasn't and hadn't are forms of have, and other words with n't modals
        kind = _CLASS_OF.get(word.removesuffix("n't"), "") or ("modal" if word.endswith("n't") else "")
        if kind in ("have", "be"):
            return "read_past"
        if kind in ("modal", "to"):
            return "read_present"
        if word not in _BETWEEN:
            return ""
    return ""


def kind_of(label: str, labels: list[str]) -> str:
    """What words share: verb or not, where that is the choice; the label itself elsewhere."""
    if not any(name.endswith("_vrb") for name in labels):
        return f"#{label}"
    return "#verb" if label.endswith("_vrb") else "#other"


def features_of(text: str, start: int, end: int) -> list[str]:
    """Words and endings around text[start:end]: positions, pairs, capitals, and a bag of the nearest words."""
    before = _TOKEN.findall(text[max(0, start - WINDOW) : start])[-REACH:][::-1]
    after = _TOKEN.findall(text[end : end + WINDOW])[:REACH]
    left = [token.lower() for token in before] + ["^"] * (REACH - len(before))
    right = [token.lower() for token in after] + ["$"] * (REACH - len(after))
    features = ["b", f"c{text[start].isupper()}{bool(before)}", f"m{text[end - 2 : end]}"]
    features += [f"l{k}{left[k]}" for k in range(3)] + [f"r{k}{right[k]}" for k in range(3)]
    features += [f"l01{left[1]} {left[0]}", f"r01{right[0]} {right[1]}", f"lr{left[0]} {right[0]}"]
    features += [f"l012{left[2]} {left[1]} {left[0]}"]
    for k in range(2):
        features += [
            f"{side}{k}{size}{words[k][-size:]}" for side, words in (("l", left), ("r", right)) for size in (2, 3)
        ]
    features += [f"e{left[0][-2:]} {right[0][-2:]}", f"e2{left[1][-2:]} {left[0][-2:]}"]
    features += [f"le{left[0]} {right[0][-2:]}", f"re{left[0][-2:]} {right[0]}"]
    kinds = [_word_class(word) for word in (left[1], left[0], right[0])]
    features += [f"k{kinds[1]}", f"K{kinds[0]} {kinds[1]}", f"q{kinds[1]} {kinds[2]}", f"Q{kinds[2]}"]
    features += [f"C{side}{bool(near) and near[0][0].isupper()}" for side, near in (("l", before), ("r", after))]
    return features + [f"w{word}" for word in (*left, *right)]


def _word_class(word: str) -> str:
    """A closed class such as "modal" or "the"; the last two letters elsewhere."""
    if word.endswith("n't") or word.endswith("'ll"):
        return "modal"
    return _CLASS_OF.get(word, word[-2:])


@lru_cache(maxsize=1)
def homograph_model() -> HomographModel:
    """The model that ships with the package."""
    words: dict[str, dict[str, tuple[str, ...]]] = {}
    for line in read_lines(WORDS) + read_lines(MORE_WORDS):
        word, label, phones = line.split("\t")
        words.setdefault(word, {})[label] = tuple(phones.split())
    return HomographModel(words, HashedScorer.load(data_file(WEIGHTS)))
