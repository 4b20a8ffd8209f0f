"""The parts of gpu.py, in the order in which they run: each fills a record, a figure at a time."""

import json
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import full_size
import torch

from glmtts.flow.dit import DiT, FlowConfig
from glmtts.graphs import Acceleration
from glmtts.lm.batch import DecodingBatch
from glmtts.lm.config import LMConfig
from glmtts.lm.model import Llama
from glmtts.lm.request import Request, SamplingConfig
from glmtts.stages import Conditions, Solver

DRAWN, GREEDY = SamplingConfig(), SamplingConfig(temperature=0)
LINES = (
    "The rain in Spain stays mainly in the plain.",
    "今天天气很好，我们去公园散步吧。",
    "She opened the letter, read it twice, and put it away without a word.",
    "他每天早上六点起床，先跑步，再吃早饭。",
)


class Record:
    """Figures that are on the disk as soon as they are known."""

    def __init__(self, path: Path) -> None:
        self._path, self._values = path, dict[str, Any]()

    def __setitem__(self, name: str, value: Any) -> None:
        self._values[name] = value
        self._path.write_text(json.dumps(self._values, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


@dataclass(frozen=True)
class Scale:
    """Where and how much."""

    device: torch.device
    lm: LMConfig
    flow: FlowConfig
    prompt: int
    tokens: int
    batches: tuple[int, ...]

    @classmethod
    def of(cls, device: torch.device, small: bool) -> Self:
        """The released sizes, or small ones of the same kind."""
        if not small:
            return cls(device, full_size.LM, full_size.FLOW, 150, 250, (1, 2, 4, 8, 16, 32))
        lm = {"hidden_size": 64, "num_layers": 2, "num_heads": 4, "num_kv_heads": 2, "head_dim": 16}
        flow = {"width": 64, "blocks": 2, "heads": 2, "token_width": 32, "token_blocks": 1}
        small_lm = full_size.LM.model_copy(update={**lm, "intermediate_size": 128})
        return cls(device, small_lm, full_size.FLOW.model_copy(update=flow), 20, 20, (1, 2))

    @property
    def dtype(self) -> torch.dtype:
        """Of the language model: bf16 on a GPU."""
        return torch.bfloat16 if self.device.type == "cuda" else torch.float32


def seconds(work: Callable[[], object], device: torch.device) -> float:
    """Wall-clock seconds of `work`, with everything that it put on the GPU."""
    wait = torch.cuda.synchronize if device.type == "cuda" else lambda: None
    wait()
    started = time.perf_counter()
    work()
    wait()
    return time.perf_counter() - started


def request(scale: Scale, number: int, tokens: int, how: SamplingConfig = DRAWN) -> Request:
    """A request of exactly so many tokens."""
    ids = torch.randint(3, 2000, (scale.prompt,), generator=torch.Generator().manual_seed(number)).tolist()
    sampling = how.model_copy(update={"min_ratio": float(tokens), "max_ratio": float(tokens)})
    return Request(ids, sampling, 1, torch.Generator(scale.device).manual_seed(number))


def decode(model: Llama, requests: list[Request], every: int = 0) -> list[list[int]]:
    """Tokens of requests that are decoded together; one joins at each `every` steps, or all at once."""
    batch, waiting, step = DecodingBatch(model, full_size.LAYOUT), list(requests), 0
    while waiting or batch.requests:
        while waiting and (not every or step % every == 0 or not batch.requests):
            batch.join([waiting.pop(0)])
            if every:
                break
        batch.step()
        step += 1
    return [one.tokens for one in requests]


def agreement(one: list[list[int]], other: list[list[int]]) -> str:
    """How many tokens are equal, and where the first differs."""
    pairs = [pair for a, b in zip(one, other, strict=True) for pair in zip(a, b, strict=True)]
    different = [place for place, (a, b) in enumerate(pairs) if a != b]
    return f"{len(pairs) - len(different)} of {len(pairs)}" + (f", first at {different[0]}" if different else "")


def correct(record: Record, scale: Scale) -> None:
    """Greedy tokens and mels of recordings beside those without, in float32, where rounding does not decide."""
    model, count = full_size.language_model(scale.device, torch.float32, scale.lm), min(100, scale.tokens)

    def greedy(acceleration: Acceleration, every: int = 0, several: int = 1) -> list[list[int]]:
        model.accelerate(acceleration)
        return decode(model, [request(scale, number, count, GREEDY) for number in range(several)], every)

    plain = greedy("none", several=5)
    record["greedy_graph_equals_growing_cache"] = agreement(greedy("graphs"), plain[:1])
    record["greedy_five_together"] = agreement(greedy("graphs", several=5), plain)
    record["greedy_five_that_come_and_go"] = agreement(greedy("graphs", every=7, several=5), plain)
    model.accelerate("graphs")
    twice = [decode(model, [request(scale, 1, count)]) for _ in range(2)]
    record["drawn_twice_by_one_seed"] = agreement(*twice)
    model.accelerate("none")
    network = full_size.flow(scale.device, scale.flow)
    mels = {name: integrate(network, 333, 1, name) for name in ("none", "graphs")}
    record["largest_difference_of_mels"] = float((mels["none"] - mels["graphs"]).abs().max())
    record["mean_size_of_mels"] = float(mels["none"].abs().mean())


def integrate(network: DiT, tokens: int, rows: int, acceleration: Acceleration | None = None) -> torch.Tensor:
    """A mel of random conditions, with the release's ten steps."""
    if acceleration is not None:
        network.accelerate(acceleration)
    device, generator = network.proj_out.weight.device, torch.Generator().manual_seed(5)
    codes = torch.randint(0, 32768, (rows, tokens), generator=generator).to(device)
    speaker = torch.randn(rows, 192, generator=generator).to(device)
    noise = torch.randn(rows, 2 * tokens, 80, generator=generator).to(device)
    return network.sample(Conditions(codes, speaker, noise.new_zeros(rows, 80, 0)), noise, Solver())[0]


def _milliseconds(model: Llama, scale: Scale, rows: int) -> float:
    """Milliseconds a step with so many rows, after a run that records."""
    decode(model, [request(scale, number, scale.tokens) for number in range(rows)])
    again = [request(scale, number, scale.tokens) for number in range(rows)]
    return round(1000 * seconds(lambda: decode(model, again), scale.device) / scale.tokens, 4)


def batch_1(record: Record, scale: Scale) -> None:
    """Milliseconds a token of one request, prompt included, beside what reading the weights would take."""
    model = full_size.language_model(scale.device, scale.dtype, scale.lm)
    read = sum(weight.nbytes for weight in model.model.layers.parameters())
    read += full_size.CODES * scale.lm.hidden_size * model.model.embed_tokens.weight.element_size()
    record["gigabytes_of_weights_a_step"] = round(read / 1e9, 3)
    large = torch.ones(1 << 28, device=scale.device)
    large.sum()
    best = min(seconds(large.sum, scale.device) for _ in range(5))
    record["read_gigabytes_a_second"] = round(large.nbytes / best / 1e9)
    record["limit_of_bandwidth_ms"] = round(1000 * read * best / large.nbytes, 3)
    for name in ("graphs", "none"):
        model.accelerate(name)
        record[f"ms_a_token_{name}"] = _milliseconds(model, scale, 1)
    record["peak_gigabytes"] = _peak(scale)
    model.accelerate("graphs")
    again = [request(scale, 0, scale.tokens) for _ in range(2)]
    decode(model, again[:1])
    record["operations"] = operations(lambda: decode(model, again[1:]), scale)


def operations(work: Callable[[], object], scale: Scale) -> list[str]:
    """What takes most time of `work`: milliseconds, how often, and which."""
    on_gpu = scale.device.type == "cuda"
    with torch.profiler.profile() as profile:
        seconds(work, scale.device)
    name = "self_device_time_total" if on_gpu else "self_cpu_time_total"
    longest = sorted(profile.key_averages(), key=lambda one: -getattr(one, name))[:25]
    return [f"{getattr(one, name) / 1000:.2f} ms, {one.count} × {one.key[:90]}" for one in longest]


def batches(record: Record, scale: Scale) -> None:
    """Throughput by batch size, and of requests that come and go."""
    model = full_size.language_model(scale.device, scale.dtype, scale.lm)
    model.accelerate("graphs")
    rates: dict[int, float] = {}
    for rows in scale.batches:
        step = _milliseconds(model, scale, rows)
        rates[rows] = rows / step
        record[f"batch_{rows}"] = {"ms_a_step": step, "throughput_to_batch_1": round(rates[rows] / rates[1], 2)}
    several = [request(scale, number, scale.tokens) for number in range(3 * scale.batches[-1])]
    taken = seconds(lambda: decode(model, several, every=max(1, scale.tokens // scale.batches[-1])), scale.device)
    record["tokens_a_second_coming_and_going"] = round(sum(len(one.tokens) for one in several) / taken)
    record["peak_gigabytes"] = _peak(scale)


def compiled(record: Record, scale: Scale) -> None:
    """Graphs of compiled layers; last, since compiling takes long."""
    model = full_size.language_model(scale.device, scale.dtype, scale.lm)
    model.accelerate("compile")
    record["seconds_to_compile"] = round(seconds(lambda: decode(model, [request(scale, 0, 4)]), scale.device), 1)
    for rows in (1, scale.batches[-2]):
        record[f"batch_{rows}_ms_a_step"] = _milliseconds(model, scale, rows)
    network = full_size.flow(scale.device, scale.flow)
    network.accelerate("compile")
    record["flow_seconds_to_compile"] = round(seconds(lambda: integrate(network, 250, 1), scale.device), 1)
    record["flow_ms_10_s_of_speech"] = round(1000 * seconds(lambda: integrate(network, 250, 1), scale.device), 2)


def flow(record: Record, scale: Scale) -> None:
    """Milliseconds of the flow's ten steps, for two and ten seconds of speech, and for eight of ten seconds."""
    network = full_size.flow(scale.device, scale.flow)
    for name in ("none", "graphs"):
        network.accelerate(name)
        for tokens, rows in ((50, 1), (250, 1), (250, 8)):
            integrate(network, tokens, rows)
            times = [seconds(lambda: integrate(network, tokens, rows), scale.device) for _ in range(5)]  # noqa: B023
            record[f"{name}_{rows}_of_{tokens // 25}_s_ms"] = round(1000 * statistics.median(times), 2)
    vocoder, mel = full_size.vocoder(scale.device), torch.randn(1, 80, 500, device=scale.device)
    with torch.inference_mode():
        times = [seconds(lambda: vocoder(mel), scale.device) for _ in range(6)]
    record["vocoder_10_s_ms"] = round(1000 * statistics.median(times), 2)
    record["peak_gigabytes"] = _peak(scale)


def end_to_end(record: Record, scale: Scale) -> None:
    """Text to audio with the released sizes: real-time factor and first audio."""
    from full_size_bundle import FullSize

    from glmtts.bundle import Bundle
    from glmtts.synthesis.synthesizer import Synthesizer

    bundle = FullSize(Bundle.open(None, scale.device), "graphs", scale.lm, scale.flow)
    with Synthesizer(bundle) as tts:
        spoken(record, tts, scale, "graphs")
    record["peak_gigabytes"] = _peak(scale)


def mini(record: Record, scale: Scale) -> None:
    """The same of `mini`, with its judge and candidates; greedy tokens with and without graphs first."""
    import glmtts

    tokens = {}
    for name in ("graphs", "none"):
        with glmtts.load(device=str(scale.device), acceleration=name) as tts:
            segments = tts.segments(tts.frontend.prepare(LINES[0]), None, 0, {"temperature": 0.0, "candidates": 1})
            tokens[name] = dict(tts.generator.generate(segments))[0][:1]
            spoken(record, tts, scale, name)
    shorter = min(len(one[0]) for one in tokens.values())
    record["greedy_tokens"] = agreement(*([one[0][:shorter]] for one in tokens.values()))


def spoken(record: Record, tts: Any, scale: Scale, name: str) -> None:
    """Real-time factors of lines one by one and together, and first audio, each after a run that records."""
    lines, lasting = LINES if scale.prompt > 20 else LINES[:1], list[float]()
    list(tts.stream(lines[0]))
    for line in lines:
        tts.say(line)
    alone = seconds(lambda: lasting.extend(tts.say(line).seconds for line in lines), scale.device)
    record[f"{name}_rtf_one_by_one"] = round(alone / sum(lasting), 4)
    record[f"{name}_first_audio_ms"] = round(1000 * statistics.median(_first(tts, line, scale) for line in lines), 1)
    many = list(lines) * 2
    tts.say_batch(many)
    together = seconds(lambda: tts.say_batch(many), scale.device)
    record[f"{name}_rtf_{len(many)}_together"] = round(together / (2 * sum(lasting)), 4)


def _first(tts: Any, line: str, scale: Scale) -> float:
    chunks = tts.stream(line)
    taken = seconds(lambda: next(chunks), scale.device)
    chunks.close()
    return taken


def _peak(scale: Scale) -> float | None:
    return round(torch.cuda.max_memory_allocated() / 1e9, 2) if scale.device.type == "cuda" else None


PARTS: dict[str, Callable[[Record, Scale], None]] = {
    "correct": correct,
    "batch_1": batch_1,
    "batches": batches,
    "end_to_end": end_to_end,
    "flow": flow,
    "mini": mini,
    "compiled": compiled,
}
