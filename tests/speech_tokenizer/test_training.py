"""The heads after the codebook, and the phases of its training."""

import numpy as np
import torch

from glmtts.judging.recogniser import TokenRecogniser
from glmtts.speech_tokenizer.batches import TokenizerBatch, TokenizerExample, collate
from glmtts.speech_tokenizer.evaluation import evaluate
from glmtts.speech_tokenizer.heads import SpeechTokenizerTraining
from glmtts.speech_tokenizer.model import SAMPLES_PER_FRAME, SpeechTokenizerConfig
from glmtts.speech_tokenizer.train import TokenizerLoss, tokenizer_loss, tokens_from_hidden
from glmtts.text.labels import LABELS

TINY = SpeechTokenizerConfig(
    d_model=32, heads=2, ffn=64, layers_before=2, layers_after=1, codes=8, code_width=16
)  # fmt: skip
SAID = ["N", "I3", "|", "H", "AO3"]


def model_of() -> SpeechTokenizerTraining:
    return SpeechTokenizerTraining(TINY, 1, pitch=True, mel=True)


def utterances(count: int) -> list[TokenizerExample]:
    rng = np.random.default_rng(0)
    return [
        TokenizerExample(
            rng.normal(size=(40, 32)).astype(np.float16),
            np.full(40, 200.0),
            np.full((40, 80), -3.0),
            rng.normal(size=192),
            SAID,
        )
        for _ in range(count)
    ]


def test_learns_labels_and_pitch_of_one_batch() -> None:
    torch.manual_seed(0)
    model, items, config = model_of(), utterances(2), TokenizerLoss()
    batch = collate(items)
    optimizer, losses = torch.optim.AdamW([p for p in model.parameters() if p.requires_grad], 3e-3), []
    for number in range(60):
        loss, _ = tokenizer_loss(model.train(), batch, config, "warmup" if number < 2 else "trained")
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
        if number >= 2:
            model.moving.update(model.tokenizer.codebook, config.ema_decay, 5)
        losses.append(float(loss.detach()))
    assert losses[-1] < 0.5 * losses[0]
    measured = evaluate(model.eval(), [batch])
    assert measured["voicing_error"] < 0.2
    assert measured["mel_l1"] < 2
    recogniser = TokenRecogniser.of(model.asr, model.code_vectors())
    tokens = torch.from_numpy(tokens_from_hidden(model.tokenizer, 1, items[0].hidden)).long()
    assert len(tokens) == 20
    assert recogniser.log_probs(tokens[None]).shape == (1, 20, len(LABELS))


def padded(batch: TokenizerBatch, model: SpeechTokenizerTraining) -> dict[str, torch.Tensor]:
    with torch.no_grad():
        return model.eval()(batch)


def test_padding_changes_nothing() -> None:
    model, (short, long) = model_of(), utterances(2)
    short = TokenizerExample(short.hidden[:20], short.f0[:20], short.mel[:20], short.speaker, SAID)
    alone, both = padded(collate([short]), model), padded(collate([short, long]), model)
    assert torch.equal(both["tokens_BS"][0, :10], alone["tokens_BS"][0])
    assert both["tokens_BS"][0, 10:].tolist() == [-1] * 10
    torch.testing.assert_close(both["logits_BSV"][0, :10], alone["logits_BSV"][0], atol=1e-4, rtol=1e-4)
    for head in ("pitch_BT", "voicing_BT", "mel_BTM"):
        torch.testing.assert_close(both[head][0, :20], alone[head][0], atol=1e-4, rtol=1e-4)


def test_padding_of_samples_changes_nothing() -> None:
    model, item = model_of().eval(), utterances(1)[0]
    short, long = (
        TokenizerExample(0.1 * np.sin(np.arange(n * SAMPLES_PER_FRAME)), item.f0[:n], item.mel[:n], item.speaker, SAID)
        for n in (20, 40)
    )
    seen = []
    hook = model.tokenizer.layers[0].register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))
    padded(collate([short]), model), padded(collate([short, long]), model)
    hook.remove()
    torch.testing.assert_close(seen[1][0, :20], seen[0][0], atol=1e-4, rtol=1e-4)


def test_blocks_are_as_long_in_tokens_as_in_frames() -> None:
    """Four frames are two tokens: the first two tokens know nothing of the third."""
    torch.manual_seed(0)
    head = SpeechTokenizerTraining(TINY.model_copy(update={"block_frames": 4}), 1, pitch=False, mel=False).asr.eval()
    codes_BSD, mask_BS = torch.randn(1, 6, 32), torch.ones(1, 6, dtype=torch.bool)
    with torch.no_grad():
        before, codes_BSD[:, 2] = head(codes_BSD, mask_BS), 5.0
        after = head(codes_BSD, mask_BS)
    assert torch.equal(before[:, :2], after[:, :2])
    assert not torch.allclose(before[:, 3], after[:, 3])


def test_samples_give_what_their_frozen_layers_give() -> None:
    model, (item, _) = model_of().eval(), utterances(2)
    samples = torch.randn(40 * SAMPLES_PER_FRAME) * 0.1
    with torch.no_grad():
        embedded = model.tokenizer.embed(model.tokenizer.features(samples[None]))
        hidden, _ = model.tokenizer.encode_layers(embedded, torch.ones(1, 40), 0, 1)
    from_wave = collate([TokenizerExample(samples.numpy(), item.f0, item.mel, item.speaker, SAID)])
    stored = collate([TokenizerExample(hidden[0].numpy(), item.f0, item.mel, item.speaker, SAID)])
    torch.testing.assert_close(padded(from_wave, model)["logits_BSV"], padded(stored, model)["logits_BSV"])


def test_new_heads_learn_to_read_codes_that_stay() -> None:
    torch.manual_seed(0)
    trained, model = model_of().eval(), model_of()
    recogniser = TokenRecogniser.of(trained.asr, trained.code_vectors())
    model.start_from(trained.tokenizer.state_dict(), recogniser.state_dict())
    model.moving.reset_ema(model.tokenizer.codebook)
    tokens = torch.randint(TINY.codes, (1, 12))
    again = TokenRecogniser.of(model.asr, model.code_vectors())
    torch.testing.assert_close(again.log_probs(tokens), recogniser.log_probs(tokens), atol=1e-4, rtol=0)
    codes, projection = model.tokenizer.codebook.weight.clone(), model.tokenizer.project.weight
    for phase in ("frozen", "trained"):
        model.zero_grad()
        tokenizer_loss(model.train(), collate(utterances(1)), TokenizerLoss(), phase)[0].backward()
        if phase == "trained":
            model.moving.update(model.tokenizer.codebook, 0.9, 100)
        assert model.pitch is not None
        assert model.pitch.out.weight.grad is not None
        assert model.pitch.out.weight.grad.abs().max() > 0
        assert projection.grad is not None
        assert bool(projection.grad.abs().max() > 0) == (phase == "trained")
        assert torch.equal(model.tokenizer.codebook.weight, codes) == (phase == "frozen")
