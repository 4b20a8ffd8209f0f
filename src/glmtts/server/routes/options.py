"""What a client may choose: what the speech endpoint and the WebSocket have in common."""

from collections.abc import Sequence
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator
from pydantic_core import PydanticCustomError

from glmtts.audio.encode import Format
from glmtts.options import OPTIONS
from glmtts.server.aliases import is_known_model
from glmtts.server.engine import SpeechRequest
from glmtts.server.errors import ApiError
from glmtts.server.service import DEFAULT, Service
from glmtts.text.frontend import Piece

Language = Literal["zh", "en"]
_OPTIONS = ("seed", "temperature", "top_p", "steps", "guidance")
_NAMED = 5  # unknown fields that a warning names


def _lower(value: Any) -> Any:
    return value.lower() if isinstance(value, str) else value


def _plain_number(value: Any) -> Any:
    """Pydantic counts `true` as 1, and reads digits in quotes."""
    if isinstance(value, bool | str):
        raise PydanticCustomError("number_type", "Input should be a number, without quotes")
    return value


Lower = BeforeValidator(_lower)  # some clients write MP3
Whole = Annotated[int, BeforeValidator(_plain_number)]
Number = Annotated[float, BeforeValidator(_plain_number)]


def _number(name: str, default: float | None = None) -> Any:
    """The field of a number in the table of options."""
    option = OPTIONS[name]
    return Field(default=default, ge=option.least, le=option.most, description=option.help)


class VoiceId(BaseModel):
    """A voice by its id, as OpenAI's clients send custom voices."""

    model_config = ConfigDict(extra="allow")

    id: Annotated[str, Field(min_length=1, max_length=64)]


class SpeechOptions(BaseModel):
    """Voice, format and options. `seed` to `guidance` are this server's own: `extra_body` in OpenAI's client.

    A field that is null is one that is left out. Unknown ones are ignored with a warning, or refused where the server
    is strict.
    """

    model_config = ConfigDict(extra="allow")

    voice: Annotated[str, Field(min_length=1, max_length=64)] | VoiceId = DEFAULT
    response_format: Annotated[Format, Lower] = "mp3"
    speed: Number = _number("speed", 1.0)
    instructions: str | None = Field(default=None, description="Not supported: ignored with a warning.")
    seed: Whole = Field(default=0, ge=0, lt=2**31)
    language: Annotated[Language, Lower] | None = Field(default=None, description=OPTIONS["language"].help)
    temperature: Number | None = _number("temperature")
    top_p: Number | None = _number("top_p")
    steps: Whole | None = _number("steps")
    guidance: Number | None = _number("guidance")
    timestamps: list[Literal["word"]] | None = Field(default=None, description="Times of words, between the audio.")

    @model_validator(mode="before")
    @classmethod
    def _without_nulls(cls, values: Any) -> Any:
        if not isinstance(values, dict):
            return values
        return {key: value for key, value in values.items() if value is not None}

    def request(self, pieces: Sequence[Piece], service: Service) -> SpeechRequest:
        """What the engine speaks: pieces of text as `Service.read` gives them, with these options.

        Raises:
            ApiError: there is no such voice, or the request asks for what no model here can do.
        """
        name = self.voice if isinstance(self.voice, str) else self.voice.id
        options: dict[str, Any] = {key: getattr(self, key) for key in _OPTIONS}
        return SpeechRequest(pieces, service.voice(name), self.speed, options, timed=bool(self.timestamps))

    def ignored(self, service: Service) -> list[str]:
        """Warnings of what the request asks for in vain.

        Raises:
            ApiError: 400, where the server is strict.
        """
        warnings = list[tuple[str, str]]()
        if self.instructions and self.instructions.strip():
            text = "This model takes no instructions: the voice decides how it speaks."
            warnings.append(("instructions", text))
        if warnings and service.settings.strict:
            field, text = warnings[0]
            raise ApiError(400, f"{text} Leave it out.", "unsupported", field)
        unknown = list(self.model_extra or {})
        if isinstance(self.voice, VoiceId):
            unknown += [f"voice.{name}" for name in self.voice.model_extra or {}]
        return [text for _, text in warnings] + not_known(unknown, service)


def not_known(names: Sequence[str], service: Service) -> list[str]:
    """The warning of fields or parameters that mean nothing here, none where there are none.

    Raises:
        ApiError: 400, where the server is strict.
    """
    if not names:
        return []
    shown = ", ".join(ascii(name[:40]) for name in names[:_NAMED]) + (", …" if len(names) > _NAMED else "")
    text = f"Not known here: {shown}."
    if service.settings.strict:
        raise ApiError(400, f"{text} Leave it out.", "unsupported", names[0])
    return [text]


def check_model(name: str, service: Service) -> None:
    """Refuse another model's name; OpenAI's stand for the one that there is.

    Raises:
        ApiError: 404.
    """
    if name != service.engine.name and not is_known_model(name):
        raise ApiError(
            404,
            f"There is no model '{name}'; this server speaks with '{service.engine.name}'.",
            "model_not_found",
            "model",
        )
