"""POST /v1/text/phonemes: what the model reads of a text, and how each character is pronounced."""

import re
from typing import Annotated

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field
from pypinyin import Style, pinyin

from glmtts.server.errors import documented
from glmtts.server.routes.common import WITH_KEY, ServiceOf
from glmtts.server.routes.options import Language
from glmtts.text.explain import Part
from glmtts.text.mandarin import CHINESE

router = APIRouter(tags=["text"], dependencies=WITH_KEY)
_TOKEN = re.compile(r"<\|.+?\|>|[^<]|<")


class TextRequest(BaseModel):
    """A text to explain."""

    model_config = ConfigDict(extra="forbid")

    input: Annotated[str, Field(min_length=1)]
    language: Language | None = None


class TextPiece(BaseModel):
    """A piece that is spoken at once: normalised text, hybrid tokens, ids of the language model."""

    text: str
    tokens: list[str]
    ids: list[int]


class Character(BaseModel):
    """A part of the written text: all of them joined are the text. Chinese characters have readings.

    `text` is the part as written (a character, or a control such as {行|hang2}), `shown` what it stands for.
    """

    text: str
    shown: str
    pinyin: str | None = None
    candidates: list[str] = []
    fixed: bool = False


class Explanation(BaseModel):
    """How a text is read."""

    pieces: list[TextPiece]
    characters: list[Character]


@router.post("/v1/text/phonemes", responses=documented(400, 401, 413))
def explain(body: TextRequest, service: ServiceOf) -> Explanation:
    """The pieces of a text as tokens of the language model, and its characters with their possible readings."""
    pieces = service.read(body.input, body.language)
    return Explanation(
        pieces=[
            TextPiece(text=piece.text, tokens=_TOKEN.findall(piece.hybrid), ids=piece.ids)
            for piece in service.engine.encode(pieces)
        ],
        characters=[character for part in service.engine.explain(body.input) for character in _characters(part)],
    )


def _characters(part: Part) -> list[Character]:
    """A control as one character, plain text as many."""
    if part.control is None:
        return [
            Character(text=char, shown=char, pinyin=entry["pinyin"], candidates=_readings(char))
            for entry in part.entries
            for char in entry["char"]
        ]
    shown = part.control.written or part.written
    pinyin = " ".join(entry["pinyin"] for entry in part.entries if entry["pinyin"]) or None
    return [Character(text=part.written, shown=shown, pinyin=pinyin, candidates=_readings(shown), fixed=True)]


def _readings(character: str) -> list[str]:
    """Every reading of a Chinese character that a dictionary knows, none for anything else."""
    if len(character) != 1 or not CHINESE.match(character):
        return []
    found = pinyin(character, style=Style.TONE3, heteronym=True, neutral_tone_with_five=True, errors="ignore")
    return list(dict.fromkeys(found[0])) if found else []
