"""POST /v1/text/phonemes: what the model reads of a text, and how each character is pronounced."""

import re
from collections.abc import Iterator
from typing import Annotated

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, ConfigDict, Field
from pypinyin import Style, pinyin

from glmtts.server.errors import documented
from glmtts.server.jobs import Job
from glmtts.server.routes.common import WITH_KEY, ServiceOf, client_of
from glmtts.server.routes.options import Language, Lower, not_known
from glmtts.server.service import warning_header
from glmtts.text.english import WORD, variants
from glmtts.text.explain import Entry, Part
from glmtts.text.homographs import homograph_model
from glmtts.text.mandarin import CHINESE

router = APIRouter(tags=["text"], dependencies=WITH_KEY)
_ENGLISH = "EN_"
_TOKEN = re.compile(r"<\|.+?\|>|[^<]|<")


class TextRequest(BaseModel):
    """A text to explain."""

    model_config = ConfigDict(extra="forbid")

    input: Annotated[str, Field(min_length=1)]
    language: Annotated[Language, Lower] | None = None


class TextPiece(BaseModel):
    """A piece that is spoken at once: normalised text, hybrid tokens, ids of the language model."""

    text: str
    tokens: list[str]
    ids: list[int]


class Character(BaseModel):
    """A part of the written text: all of them joined are the text. Chinese characters and English words have readings.

    `text` is the part as written (a character, an English word, or a control such as {行|hang2}), `shown` what it
    stands for. `candidates` are readings that it may have: pinyin of a character, ARPAbet of a word.
    """

    text: str
    shown: str
    pinyin: str | None = None
    arpabet: str | None = None
    candidates: list[str] = []
    fixed: bool = False


class Explanation(BaseModel):
    """How a text is read."""

    pieces: list[TextPiece]
    characters: list[Character]


@router.post("/v1/text/phonemes", responses=documented(400, 401, 403, 408, 413, 429, 503, 504))
async def explain(body: TextRequest, request: Request, response: Response, service: ServiceOf) -> Explanation:
    """The pieces of a text as tokens of the language model, and its characters with their possible readings."""
    response.headers.update(warning_header(not_known(list(request.query_params), service)))

    def work() -> Iterator[Explanation | None]:
        # in steps, since a long text takes a second of which others may have a part
        encoded: list[TextPiece] = []
        for piece in service.read(body.input, body.language):
            yield None
            encoded += [
                TextPiece(text=one.text, tokens=_TOKEN.findall(one.hybrid), ids=one.ids)
                for one in service.engine.encode([piece])
            ]
        yield None
        characters = [character for part in service.engine.explain(body.input) for character in _characters(part)]
        yield Explanation(pieces=encoded, characters=characters)

    job = Job(work, service.settings.request_timeout, client_of(request))
    return await service.in_turn(service.workers, job, request.receive)


def _characters(part: Part) -> list[Character]:
    """A control as one part; plain text as characters and English words."""
    if part.control is not None:
        return [_controlled(part, part.control.written or part.written)]
    found: list[Character] = []
    plain = "".join(entry["char"] for entry in part.entries)
    position = 0
    for word in WORD.finditer(plain):
        found += map(_character, part.entries[position : word.start()])
        found.append(_word(word[0], part.entries[word.start()]))
        position = word.end()
    return [*found, *map(_character, part.entries[position:])]


def _controlled(part: Part, shown: str) -> Character:
    """A control with the reading that it gives its word."""
    pinyin = " ".join(entry["pinyin"] for entry in part.entries if entry["pinyin"]) or None
    arpabet = next((found for entry in part.entries if (found := _arpabet(entry))), None)
    candidates = _spoken_as(shown) if arpabet else _readings(shown)
    return Character(text=part.written, shown=shown, pinyin=pinyin, arpabet=arpabet, candidates=candidates, fixed=True)


def _character(entry: Entry) -> Character:
    char = entry["char"]
    return Character(text=char, shown=char, pinyin=entry["pinyin"], candidates=_readings(char))


def _word(word: str, entry: Entry) -> Character:
    """An English word; the phonemes of all of it stand at its first letter."""
    arpabet = _arpabet(entry)
    candidates = list(dict.fromkeys([arpabet, *_spoken_as(word)])) if arpabet else []
    return Character(text=word, shown=word, arpabet=arpabet, candidates=candidates)


def _arpabet(entry: Entry) -> str | None:
    """ARPAbet phones of an entry, None where it has none or those of Mandarin."""
    symbols = entry["symbols"]
    english = symbols and all(symbol.startswith(_ENGLISH) for symbol in symbols)
    return " ".join(symbol.removeprefix(_ENGLISH) for symbol in symbols) if english else None


def _spoken_as(word: str) -> list[str]:
    """The pronunciations of an English word that has several, from the dictionary and the list of homographs."""
    # dictionaries write a straight apostrophe
    lower = word.lower().replace("’", "'")
    read = homograph_model().words.get(lower, {}).values()
    return list(dict.fromkeys(" ".join(phones) for phones in [*read, *variants().get(lower, [])]))


def _readings(character: str) -> list[str]:
    """Every reading of a Chinese character that a dictionary knows, none for anything else."""
    if len(character) != 1 or not CHINESE.match(character):
        return []
    found = pinyin(character, style=Style.TONE3, heteronym=True, neutral_tone_with_five=True, errors="ignore")
    return list(dict.fromkeys(found[0])) if found else []
