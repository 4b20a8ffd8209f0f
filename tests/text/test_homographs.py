"""English homographs by the words beside them, in plain sentences, and the accuracy on sentences kept apart."""

from pathlib import Path

import pytest

from glmtts.eval.text.readings import read_homographs
from glmtts.text.frontend import TextConfig, TextFrontend
from glmtts.text.homograph_rules import table
from glmtts.text.homographs import homograph_model
from glmtts.text.phonemes import ENGLISH
from tests.tiny import tiny_tokenizer

SENTENCES = Path(__file__).parent / "data" / "homographs_en.tsv"


def test_plain_sentences_are_read_right() -> None:
    frontend = TextFrontend(TextConfig(), tiny_tokenizer())
    misread = []
    for line in SENTENCES.read_text(encoding="utf-8").splitlines():
        text, wanted = line.split("\t")
        spans = frontend.spans(text.replace("▁", ""))
        places = [sum(len(span.text) for span in spans[:number]) for number in range(len(spans))]
        hybrid = spans[places.index(text.index("▁"))].hybrid
        found = hybrid.replace("<|EN_", "").replace("|>", " ").strip()
        misread += [(text, wanted, found)] if found != wanted else []
    assert misread == []


def test_sentences_kept_apart(shared: Path) -> None:
    lines = read_homographs(shared / "text" / "homographs_eval.tsv")
    right = sum(homograph_model().label(text, start, end) == label for text, start, end, label in lines)
    assert len(lines) == 808
    # as many as before there were rules: those are for plain sentences, and may take nothing from these
    assert right >= 767


@pytest.mark.parametrize(
    ("word", "phones"),
    [
        ("buffeted", "B AH1 F AH0 T IH0 D"), ("buffeting", "B AH1 F AH0 T IH0 NG"),
        ("postulating", "P AA1 S CH AH0 L EY2 T IH0 NG"), ("intrigued", "IH2 N T R IY1 G D"), ("separated", ""),
        ("house", ""), ("thing", ""), ("doved", ""),
    ],
)  # fmt: skip
def test_forms_that_only_the_verb_has(word: str, phones: str) -> None:
    assert homograph_model().inflected(word) == tuple(phones.split())


def test_every_rule_gives_a_reading_of_its_word() -> None:
    model = homograph_model()
    assert len(table()) > 50
    for word, rules in model._rules._rules.items():
        assert {rule.label for rule in rules} <= model.words[word].keys(), word
    more = ("lima", "recall", "survey", "transfer", "update", "upgrade")
    assert all(f"EN_{phone}" in ENGLISH for word in more for phones in model.words[word].values() for phone in phones)
