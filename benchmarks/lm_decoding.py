"""Decoding of the full-size language model: ours beside a plain `transformers` loop, on the same random weights.

    python -m tests.official.synthetic_release RELEASE --full
    glm-tts convert RELEASE BUNDLE --dtype bfloat16
    glm-tts quantise INT4 --model BUNDLE --bits 4
    python benchmarks/lm_decoding.py --model BUNDLE --packed INT4

The precision is that of the bundle: convert with --dtype bfloat16 or float32. Packed bundles run beside it; each one's
time is compared with what reading its weights once would take at the bandwidth that is measured in the same run.

Each runs in a process of its own, so that peak memory is its own; both greedy, from the same prompt, with the same
number of tokens. The tokens must be equal but for a few ties of bfloat16, or the figures mean nothing.
"""

import argparse
import json
import math
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import torch
from report import environment, write_result
from safetensors import safe_open
from safetensors.torch import load_file

from glmtts.bundle import Bundle
from glmtts.lm.batch import DecodingBatch
from glmtts.lm.model import LMConfig
from glmtts.lm.request import Request, SamplingConfig
from glmtts.programs import a_folder, parser_of, run_program, whole_from
from glmtts.text.audio_tokens import AudioTokens

WIDTHS = {"F32": 4, "BF16": 2, "F16": 2, "U8": 1, "I8": 1}  # bytes a value, by safetensors' names


def ours(bundle: Bundle, layout: AudioTokens, prompt: list[int], tokens: int) -> list[int]:
    """Codes from the decoding that synthesis uses, with one request in its batch."""
    sampling = SamplingConfig(temperature=0, min_ratio=tokens, max_ratio=tokens)
    batch = DecodingBatch(bundle.lm, layout)
    batch.join([Request(prompt, sampling, 1, torch.Generator(bundle.device))])
    return _timed(list(_marked(_stepped(batch), tokens)))


def _stepped(batch: DecodingBatch) -> Iterator[int]:
    (request,) = batch.requests
    while not request.ended:
        batch.step()
        yield request.tokens[-1]


def transformers_loop(bundle: Bundle, layout: AudioTokens, prompt: list[int], tokens: int) -> list[int]:
    """Codes from `LlamaForCausalLM` with `use_cache`, one call a token."""
    from transformers import LlamaConfig, LlamaForCausalLM

    config = LMConfig.parse(bundle.config.modules["lm"].config)
    with torch.device("meta"):
        model = LlamaForCausalLM(
            LlamaConfig(
                vocab_size=config.vocab_size,
                hidden_size=config.hidden_size,
                num_hidden_layers=config.num_layers,
                num_attention_heads=config.num_heads,
                num_key_value_heads=config.num_kv_heads,
                head_dim=config.head_dim,
                intermediate_size=config.intermediate_size,
                rms_norm_eps=config.rms_norm_eps,
                max_position_embeddings=config.max_positions,
                tie_word_embeddings=True,
            )
        )
    weights = load_file(bundle.folder / bundle.config.modules["lm"].file)
    weights["lm_head.weight"] = weights["model.embed_tokens.weight"]
    model.load_state_dict(weights, assign=True)
    model.model.rotary_emb = type(model.model.rotary_emb)(model.config)
    model = model.eval().to(bundle.device)
    return _timed(list(_marked(_plain(model, layout, prompt), tokens)))


@torch.inference_mode()
def _plain(model: torch.nn.Module, layout: AudioTokens, prompt: list[int]):
    ids, past = torch.tensor([prompt], device=model.device), None
    while True:
        output = model(ids, past_key_values=past, use_cache=True)
        past = output.past_key_values
        audio = output.logits[0, -1, layout.first : layout.first + layout.count]
        code = int(audio.argmax())
        yield code
        ids = torch.tensor([[layout.first + code]], device=model.device)


def _marked(stream, tokens: int):
    for _ in range(tokens):
        code = next(stream)
        yield code, time.perf_counter()


def _timed(marks: list[tuple[int, float]]) -> list[int]:
    codes, moments = [code for code, _ in marks], [moment for _, moment in marks]
    each = (moments[-1] - moments[1]) / (len(moments) - 2)
    result = {"milliseconds_a_token": round(1000 * each, 1), "codes": codes}
    # not `ru_maxrss`, which begins with what the process that started this one holds
    status = Path("/proc/self/status").read_text(encoding="utf-8").splitlines()
    peak = int(next(line for line in status if line.startswith("VmHWM")).split()[1]) * 1024 / 1e9
    result["peak_gigabytes"] = round(torch.cuda.max_memory_allocated() / 1e9 if torch.cuda.is_available() else peak, 2)
    print(json.dumps(result))
    return codes


def _bytes_a_token(model: Path) -> int:
    """Bytes of the weights that one step reads: all but the embedding, whose speech rows are the head."""
    bundle = Bundle.open(model)
    entry, layout = bundle.config.modules["lm"], bundle.audio_tokens
    sizes = {}
    with safe_open(str(bundle.folder / entry.file), framework="pt") as file:
        for name in file.keys():  # noqa: SIM118
            part = file.get_slice(name)
            sizes[name] = math.prod(part.get_shape()) * WIDTHS[part.get_dtype()]
    if entry.architecture == "llama":
        table = sizes.pop("model.embed_tokens.weight")
        sizes["head"] = table * (layout.count + 1) // LMConfig.parse(entry.config).vocab_size
    return sum(size for name, size in sizes.items() if not name.startswith("embedding."))


RUNS = {"glmtts": ours, "transformers": transformers_loop}


def main() -> None:
    parser = parser_of(__doc__)
    parser.add_argument("--model", type=a_folder, required=True, help="a bundle of the full size")
    parser.add_argument("--tokens", type=whole_from(3), default=40)
    parser.add_argument("--prompt", type=whole_from(), default=100, help="length of the prompt in ids")
    parser.add_argument(
        "--packed", type=a_folder, action="append", default=[], help="a packed copy of it; may be repeated"
    )
    parser.add_argument("--only", choices=RUNS, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    if arguments.only:
        bundle = Bundle.open(arguments.model, device)
        layout = bundle.audio_tokens
        RUNS[arguments.only](bundle, layout, list(range(arguments.prompt)), arguments.tokens)
        return
    dtype = str(next(Bundle.open(arguments.model).network("lm").parameters()).dtype)
    result = {**environment(), "dtype": dtype, "tokens": arguments.tokens, "prompt": arguments.prompt}
    models = dict.fromkeys(RUNS, arguments.model) | {path.name: path for path in arguments.packed}
    codes = {}
    for name, model in models.items():
        command = [sys.executable, __file__, "--model", str(model), "--only", name if name in RUNS else "glmtts"]
        command += ["--tokens", str(arguments.tokens), "--prompt", str(arguments.prompt)]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        result[name] = json.loads(done.stdout.strip().splitlines()[-1])
        codes[name] = result[name].pop("codes")
        read = _bytes_a_token(model) / result["read_gigabytes_a_second"] / 1e6
        result[name]["share_of_bandwidth_limit"] = round(read / result[name]["milliseconds_a_token"], 3)
    agree = sum(a == b for a, b in zip(codes["glmtts"], codes["transformers"], strict=True))
    result["equal_tokens"] = f"{agree} of {arguments.tokens}"
    write_result("lm_decoding", result)


if __name__ == "__main__":
    run_program(main)
