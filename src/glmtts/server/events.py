"""Speech as events: OpenAI's server-sent ones, or the same as JSON lines; words with their times between the audio.

`speech.audio.delta` has base64 audio, `speech.words` the words of a piece of text with their times in seconds from the
beginning of the audio, `speech.warning` what was ignored, `speech.audio.done` the usage; `error` ends an answer early.
"""

import base64
import json
from collections.abc import AsyncIterator, Sequence
from typing import Any, Literal

from glmtts.server.engine import Words
from glmtts.server.errors import as_api_error
from glmtts.server.speech_job import SpeechJob

Wire = Literal["sse", "json"]
EVENT_TYPES: dict[Wire, str] = {"sse": "text/event-stream", "json": "application/x-ndjson"}


async def events(
    wire: Wire,
    job: SpeechJob,
    parts: AsyncIterator[bytes | Words],
    warnings: Sequence[str],
) -> AsyncIterator[str]:
    """The events of one answer, each as it becomes ready, of a job that counts its text."""
    frame = "data: {}\n\n" if wire == "sse" else "{}\n"
    async for event in _contents(job, parts, warnings):
        yield frame.format(json.dumps(event, ensure_ascii=False))


async def _contents(
    job: SpeechJob, parts: AsyncIterator[bytes | Words], warnings: Sequence[str]
) -> AsyncIterator[dict[str, Any]]:
    for warning in warnings:
        yield {"type": "speech.warning", "message": warning}
    try:
        async for part in parts:
            yield words_event(part) if isinstance(part, Words) else _delta(part)
    except Exception as error:
        # the status has left already: what goes wrong now can only be an event
        yield {"type": "error", **as_api_error(error).body()}
        return
    made = job.speech_tokens
    usage = {"input_tokens": job.text_tokens, "output_tokens": made, "total_tokens": job.text_tokens + made}
    yield {"type": "speech.audio.done", "usage": usage}


def _delta(audio: bytes) -> dict[str, Any]:
    return {"type": "speech.audio.delta", "audio": base64.b64encode(audio).decode()}


def words_event(words: Words, offset: float = 0.0) -> dict[str, Any]:
    """Words with their times; those of a stream that began `offset` seconds ago count from its beginning."""
    timed = [(word.text, round(word.start + offset, 3), round(word.end + offset, 3)) for word in words.words]
    return {"type": "speech.words", "words": [{"text": text, "start": start, "end": end} for text, start, end in timed]}
