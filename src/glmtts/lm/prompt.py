"""The layout of the language model's input (report section 2.2)."""

from collections.abc import Sequence

from glmtts.text.audio_tokens import AudioTokens


def build_prompt(
    layout: AudioTokens,
    text_ids: Sequence[int],
    prompt_text_ids: Sequence[int] = (),
    prompt_tokens: Sequence[int] = (),
) -> list[int]:
    """Prompt text, text, begin of audio, prompt speech tokens; speech tokens come as codes from 0."""
    # what the prompt says stands behind the begin of audio, as if the model had drawn it: so it goes on in that voice
    shifted = [layout.first + token for token in prompt_tokens]
    return [*prompt_text_ids, *text_ids, layout.begin, *shifted]
