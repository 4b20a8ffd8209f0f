"""The language model: decoding, sampling, layout, training."""

import pytest
import torch

from glmtts.lm.batch import bounds
from glmtts.lm.model import KeyValueCache, Llama
from glmtts.lm.prompt import build_prompt
from glmtts.lm.request import Request, SamplingConfig
from glmtts.lm.sampling import draw
from glmtts.lm.sequences import TokenizedUtterance, collate, example
from glmtts.lm.train import LMLoss, lm_loss
from glmtts.text.audio_tokens import AudioTokens
from tests.lm.plain import decode
from tests.tiny import tiny_lm, tiny_tokenizer

LAYOUT = AudioTokens(first=40, count=16, begin=38, end=39, padding=37)


@pytest.fixture
def model() -> Llama:
    return tiny_lm(56).eval()


@torch.inference_mode()
def test_cached_steps_equal_one_pass(model: Llama) -> None:
    ids = torch.randint(56, (2, 30))
    cache = KeyValueCache(model.config, 2, 30, model.model.norm.weight)
    pieces = [model(ids[:, :10], cache), *(model(ids[:, i : i + 1], cache) for i in range(10, 20))]
    pieces.append(model(ids[:, 20:], cache))
    torch.testing.assert_close(torch.cat(pieces, dim=1), model(ids), atol=1e-5, rtol=1e-5)


def test_no_position_sees_the_future(model: Llama) -> None:
    embedded = model.model.embed_tokens(torch.randint(56, (1, 12))).detach().requires_grad_()
    x = embedded
    for number, layer in enumerate(model.model.layers):
        x = layer(x, model.cos[:12], model.sin[:12], number, None)
    x[0, 5].sum().backward()
    assert embedded.grad is not None
    assert embedded.grad[0, 6:].abs().max() == 0
    assert embedded.grad[0, :6].abs().min(dim=1).values.max() > 0


def test_weight_names_are_those_of_the_hub(model: Llama) -> None:
    names = set(model.state_dict())
    assert "model.embed_tokens.weight" in names
    assert "model.layers.1.self_attn.k_proj.weight" in names
    assert "model.layers.0.post_attention_layernorm.weight" in names


def test_equals_transformers(model: Llama) -> None:
    import transformers

    c = model.config
    reference = transformers.LlamaForCausalLM(
        transformers.LlamaConfig(
            vocab_size=c.vocab_size, hidden_size=c.hidden_size, num_hidden_layers=c.num_layers,
            num_attention_heads=c.num_heads, num_key_value_heads=c.num_kv_heads, head_dim=c.head_dim,
            intermediate_size=c.intermediate_size, rms_norm_eps=c.rms_norm_eps, tie_word_embeddings=True,
        )
    )  # fmt: skip
    reference.load_state_dict(model.state_dict(), strict=False)
    ids = torch.randint(56, (1, 20))
    torch.testing.assert_close(model(ids), reference(ids).logits, atol=1e-4, rtol=1e-4)


def draws(logits_V: torch.Tensor, config: SamplingConfig, count: int, earlier: list[int]) -> list[int]:
    """What `count` seeds draw in one batch."""
    generators = [torch.Generator().manual_seed(seed) for seed in range(count)]
    return draw(logits_V.expand(count, -1), [Request([], config, 1, one, list(earlier)) for one in generators])


def test_a_repeated_token_is_drawn_again_from_all() -> None:
    logits = torch.tensor([6.0, 0.0, 0.0, 0.0])
    config = SamplingConfig(top_p=0.5, top_k=1)
    assert set(draws(logits, config, 200, [])) == {0}
    assert len(set(draws(logits, config, 2000, [0]))) > 1


def test_tokens_come_as_often_as_they_are_likely() -> None:
    share = torch.tensor([0.4, 0.3, 0.2, 0.1])
    drawn = torch.tensor(draws(share.log(), SamplingConfig(top_p=1.0), 4000, [])).bincount() / 4000
    torch.testing.assert_close(drawn, share, atol=0.03, rtol=0)
    squared = torch.tensor(draws(share.log(), SamplingConfig(top_p=1.0, temperature=0.5), 4000, [])).bincount() / 4000
    torch.testing.assert_close(squared, share**2 / (share**2).sum(), atol=0.03, rtol=0)


def test_each_row_is_drawn_in_its_own_manner() -> None:
    logits = torch.randn(4, 16, generator=torch.Generator().manual_seed(0))
    manners = [
        SamplingConfig(temperature=0),
        SamplingConfig(temperature=1e-40),
        SamplingConfig(top_k=3),
        SamplingConfig(top_p=1.0, top_k=16, temperature=2.0),
    ]

    def requests() -> list[Request]:
        return [Request([], manner, 1, torch.Generator().manual_seed(5)) for manner in manners]

    together = draw(logits, requests())
    assert together == [draw(logits[row, None], [request])[0] for row, request in enumerate(requests())]
    assert together[:2] == logits[:2].argmax(1).tolist()


def test_nucleus_keeps_what_reaches_top_p() -> None:
    logits = torch.tensor([0.5, 0.3, 0.15, 0.05]).log()
    assert set(draws(logits, SamplingConfig(top_p=0.7, top_k=4), 300, [])) == {0, 1}


@pytest.mark.parametrize(("low", "high"), [(2.0, 3.0), (0.0, 1.0)])
def test_length_bounds_hold(model: Llama, low: float, high: float) -> None:
    sampling = SamplingConfig(min_ratio=low, max_ratio=high)
    for seed in range(5):
        generator = torch.Generator().manual_seed(seed)
        tokens = decode(model, LAYOUT, Request([1, 2, 3, LAYOUT.begin], sampling, 10, generator))
        assert 10 * low <= len(tokens) <= 10 * high
        assert all(0 <= token < LAYOUT.count for token in tokens)


def test_a_text_of_one_token_is_not_silent(model: Llama) -> None:
    config = SamplingConfig(min_ratio=0.8, max_ratio=6.0)
    one = Request([1, LAYOUT.begin], config, 1, torch.Generator())
    assert bounds(model, one) == (1, 6)
    one.sampling = config.model_copy(update={"min_tokens": 4, "extra_tokens": 12})
    assert bounds(model, one) == (4, 18)


def test_the_seed_decides(model: Llama) -> None:
    def run(seed: int) -> list[int]:
        generator = torch.Generator().manual_seed(seed)
        return decode(model, LAYOUT, Request([1, LAYOUT.begin], SamplingConfig(), 8, generator))

    assert run(3) == run(3)
    assert run(3) != run(4)


def test_layout() -> None:
    assert build_prompt(LAYOUT, [5, 6], [1], [0, 3]) == [1, 5, 6, 38, 40, 43]
    tokenizer = tiny_tokenizer()
    layout = AudioTokens.of(tokenizer)
    assert (layout.count, layout.first) == (16, tokenizer.size - 16)


def test_loss_is_taken_on_speech_and_end_alone() -> None:
    with_prompt = example(LAYOUT, TokenizedUtterance([5, 6], [1, 2], [0, 1]), TokenizedUtterance([7], [3]))
    ids, targets, aligned = with_prompt
    assert ids == [7, 5, 6, 38, 43, 41, 42]
    assert targets == [-1, -1, -1, -1, 41, 42, 39]
    assert aligned == [-1, -1, -1, -1, 1, 2, 2]
    batch = collate(LAYOUT, [with_prompt, example(LAYOUT, TokenizedUtterance([5], [1]), None)])
    assert batch.ids_BL[1].tolist() == [5, 38, 41, 37, 37, 37, 37]
    assert batch.positions_N.tolist() == [4, 5, 6, 8, 9]
    assert batch.targets_N.tolist() == [41, 42, 39, 41, 39]
    assert (batch.aligned_A.tolist(), batch.places_A.tolist()) == ([4, 5, 6], [1, 2, 2])


def test_the_loss_is_the_cross_entropy_over_speech_and_end(model: Llama) -> None:
    examples = [example(LAYOUT, TokenizedUtterance([5], list(range(size))), None) for size in (3, 5)]
    loss, _ = lm_loss(model, LAYOUT, collate(LAYOUT, examples), LMLoss(corruption=0, alignment_scale=0))
    entropies = []
    for ids, targets, _ in examples:
        choices = [*range(LAYOUT.first, LAYOUT.first + LAYOUT.count), LAYOUT.end]
        scores = model(torch.tensor([ids]))[0][:, choices].log_softmax(-1)
        entropies += [-scores[place, choices.index(target)] for place, target in enumerate(targets) if target >= 0]
    torch.testing.assert_close(loss, torch.stack(entropies).mean())


def test_like_codes_begin_with_like_embeddings(model: Llama) -> None:
    codebook = torch.randn(LAYOUT.count, 8)
    codebook[1] = codebook[0] + 0.01
    before = model.model.embed_tokens.weight.clone()
    model.start_speech_from(codebook, LAYOUT.first)
    rows = model.model.embed_tokens.weight[LAYOUT.first :]
    assert (rows[0] - rows[1]).norm() < 0.1 * (rows[0] - rows[2:]).norm(dim=1).min()
    assert torch.equal(model.model.embed_tokens.weight[: LAYOUT.first], before[: LAYOUT.first])


def test_learns_a_copy_task_and_speaks_it() -> None:
    model = tiny_lm(56)
    optimizer = torch.optim.AdamW(model.parameters(), 1e-2)
    data = [TokenizedUtterance([text], [text, text + 1, text + 2]) for text in range(4)]
    batch = collate(LAYOUT, [example(LAYOUT, spoken, None) for spoken in data])
    for _ in range(120):
        loss, metrics = lm_loss(model, LAYOUT, batch, LMLoss(corruption=0, alignment_scale=0))
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
    assert metrics["accuracy"] == 1
    greedy = SamplingConfig(temperature=0, min_ratio=0, max_ratio=10)
    for spoken in data:
        ids = build_prompt(LAYOUT, spoken.text_ids)
        assert decode(model, LAYOUT, Request(ids, greedy, 1, torch.Generator())) == spoken.tokens
