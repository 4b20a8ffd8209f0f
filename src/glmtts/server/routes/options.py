"""What a client may choose: what the speech endpoint and the WebSocket have in common."""

from collections.abc import Sequence
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from glmtts.audio.encode import Format
from glmtts.audio.tempo import FASTEST, SLOWEST
from glmtts.server.engine import SpeechRequest
from glmtts.server.errors import ApiError
from glmtts.server.service import DEFAULT, Service
from glmtts.text.frontend import Piece

Language = Literal["zh", "en"]
_OPTIONS = ("seed", "temperature", "top_p", "steps", "guidance")


class VoiceId(BaseModel):
    """A voice by its id, as OpenAI's clients send custom voices."""

    model_config = ConfigDict(extra="forbid")

    id: Annotated[str, Field(min_length=1, max_length=64)]


class SpeechOptions(BaseModel):
    """Voice, format and options. `seed` to `guidance` are this server's own: `extra_body` in OpenAI's client."""

    model_config = ConfigDict(extra="forbid")

    voice: Annotated[str, Field(min_length=1, max_length=64)] | VoiceId = DEFAULT
    response_format: Format = "mp3"
    speed: float = Field(default=1.0, ge=SLOWEST, le=FASTEST)
    instructions: str | None = Field(default=None, description="Not supported: anything but blanks is refused.")
    seed: int = Field(default=0, ge=0, lt=2**31)
    language: Language | None = Field(default=None, description="How digits are read where no letter tells.")
    temperature: float | None = Field(default=None, ge=0, le=2)
    top_p: float | None = Field(default=None, ge=0.01, le=1)
    steps: int | None = Field(default=None, ge=1, le=100)
    guidance: float | None = Field(default=None, ge=0, le=5)

    def request(self, pieces: Sequence[Piece], service: Service) -> SpeechRequest:
        """What the engine speaks: pieces of text as `Service.read` gives them, with these options.

        Raises:
            ApiError: there is no such voice, or the request asks for what no model here can do.
        """
        if self.instructions and self.instructions.strip():
            raise ApiError(
                400,
                "This model takes no instructions: the voice decides how it speaks. Leave them out.",
                "unsupported",
                "instructions",
            )
        name = self.voice if isinstance(self.voice, str) else self.voice.id
        options: dict[str, Any] = {key: getattr(self, key) for key in _OPTIONS}
        return SpeechRequest(pieces, service.voice(name), self.speed, options)


def check_model(name: str, service: Service) -> None:
    """Refuse another model's name.

    Raises:
        ApiError: 404.
    """
    if name != service.engine.name:
        raise ApiError(
            404,
            f"There is no model '{name}'; this server speaks with '{service.engine.name}'.",
            "model_not_found",
            "model",
        )
