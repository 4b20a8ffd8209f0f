"""Where the likeness of a clone goes: vocoder, tokens and flow, language model, one after the other.

    python recipes/mini/likeness.py CORPUS --out RESULT.json --lines 40

CORPUS is the one of `glm-tts eval mini mini-clone`, whose lines and voices these are. Each is compared with the
recording that the voice is made from, by Resemblyzer, which no part of the model knows:

    person           another recording of the same person
    vocoder          its mel through the vocoder
    tokens and flow  its tokens, through flow and vocoder, with the voice
    clone            a line of the list, as `say` speaks it with the voice

Each row adds one stage, so the fall from row to row is what that stage loses. Needs the extra [eval].
"""

import json
from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor
from tqdm import tqdm

import glmtts
from glmtts.audio.io import load_audio
from glmtts.errors import EvaluationError
from glmtts.eval.clone_list import clone_list
from glmtts.eval.hardware import environment
from glmtts.eval.items import Item
from glmtts.eval.scorers.clip import Clip
from glmtts.eval.scorers.similarity import SAMPLE_RATE
from glmtts.eval.scorers.speaker_resemblyzer import Resemblyzer
from glmtts.eval.statistics import bootstrap_mean, paired
from glmtts.programs import a_folder, file_to_write, parser_of, run_program, whole_from, write_text
from glmtts.synthesis.conditions import flow_conditions
from glmtts.synthesis.voice import voice_of

ROWS = ("person", "vocoder", "tokens and flow", "clone")


@torch.inference_mode()
def likenesses(tts: glmtts.Synthesizer, item: Item, scorer: Resemblyzer) -> list[float]:
    """The cosines of one line of the list, one for each of `ROWS`."""
    if item.prompt_audio is None or item.prompt_text is None or item.other_audio is None:
        raise EvaluationError(f"{item.id} has no two recordings. Give the corpus of mini-clone.")
    rate, vocoder = tts.bundle.clock.sample_rate, tts.bundle.vocoder
    voice = tts.voice(str(item.prompt_audio), item.prompt_text)
    other_T = load_audio(item.other_audio, rate)
    other = voice_of(tts.bundle, other_T, "")
    conditions = flow_conditions(tts.bundle, [voice], [other.tokens.tolist()], show_prompt=False)
    noise = torch.randn(1, *other.mel.T.shape, generator=torch.Generator().manual_seed(item.number))
    through_BMT, _ = tts.bundle.flow.sample(conditions, noise, tts.defaults.solver)
    waves: list[Tensor] = [other_T]
    waves += [vocoder(mel_BMT)[0].clamp(-1, 1) for mel_BMT in (other.mel[None].float(), through_BMT)]
    waves.append(torch.as_tensor(tts.say(item.text, voice=voice, language=item.language, seed=item.number).samples))
    heard_T = load_audio(item.prompt_audio, SAMPLE_RATE)
    prompt = Clip(item.id, heard_T.numpy(), SAMPLE_RATE, item.prompt_text, item.language)
    clips = [Clip(item.id, wave_T.numpy(), rate, "", item.language, prompt=prompt) for wave_T in waves]
    found = [score[scorer.column] for score in scorer.score(clips)]
    if None in found:
        raise EvaluationError(f"{item.id} was spoken in less than a word. Give another --model.")
    return found


def table(found_NR: np.ndarray) -> dict[str, dict[str, float]]:
    """Mean and 95 % interval of each row, and what it loses to the row before."""
    result: dict[str, dict[str, float]] = {}
    for place, row in enumerate(ROWS):
        interval = bootstrap_mean(found_NR[:, place].tolist())
        assert interval is not None  # of two lines and more there is one
        result[row] = {"mean": round(float(found_NR[:, place].mean()), 4)}
        result[row] |= {"low": round(interval[0], 4), "high": round(interval[1], 4)}
        if place:
            fall = paired(found_NR[:, place - 1].tolist(), found_NR[:, place].tolist())
            result[row] |= {"difference": round(fall.difference, 4), "p": round(fall.p, 5)}
    return result


def main(arguments: Sequence[str] | None = None) -> None:
    parser = parser_of(__doc__)
    parser.add_argument("corpus", type=a_folder, help="with ljspeech/, aishell/ or speechocean762/")
    parser.add_argument("--model", type=a_folder, help="a bundle; the embedded one by default")
    parser.add_argument("--out", type=file_to_write, required=True)
    parser.add_argument("--lines", type=whole_from(2), default=40)
    chosen = parser.parse_args(arguments)
    tts, scorer = glmtts.load(chosen.model) if chosen.model else glmtts.load(), Resemblyzer()
    items = clone_list(chosen.corpus, chosen.lines).items
    found = np.array([likenesses(tts, item, scorer) for item in tqdm(items, "mini-clone")])
    result = {**environment(), "model": tts.bundle.config.name, "lines": len(found), "rows": table(found)}
    write_text(chosen.out, json.dumps(result, indent=1) + "\n")
    print(json.dumps(result["rows"], indent=1))


if __name__ == "__main__":
    run_program(main)
