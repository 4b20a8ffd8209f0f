"""Similarity of voices, and the translation of WavLM's published names."""

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from glmtts.eval import scorers
from glmtts.eval.scorers.networks.wavlm_ecapa import WavLmEcapaNet, translated
from glmtts.eval.scorers.similarity import SpeakerScorer
from tests.eval.scorers.conftest import RATE


@pytest.mark.parametrize("name", ["speaker_resemblyzer", "speaker_campplus"])
def test_a_voice_is_nearest_to_itself(name: str, speech) -> None:
    if name == "speaker_resemblyzer":
        pytest.importorskip("resemblyzer")
    reader, one, two = speech
    scorer = scorers.load(name)
    same, itself, other, alone = scorer.score(
        [replace(one, prompt=two), replace(one, prompt=one), replace(reader, prompt=one), one]
    )
    (column,) = scorer.columns
    assert itself[column] == pytest.approx(1, abs=1e-5)
    assert itself[column] > same[column] > other[column]
    assert alone[column] is None


class Counting(SpeakerScorer):
    """Embeds by the mean and the length, and counts."""

    column = "spk_similarity_counting"

    def __init__(self) -> None:
        self.calls = 0

    def embed(self, wave: np.ndarray) -> np.ndarray:
        self.calls += 1
        return np.array([wave.mean() + 1, len(wave)])


def test_a_shared_prompt_is_embedded_once_and_short_clips_not_at_all(made) -> None:
    scorer = Counting()
    prompt = made(np.zeros(RATE, np.float32))
    clips = [made(np.ones(RATE * n, np.float32), prompt=prompt) for n in (1, 2)]
    short = made(np.ones(RATE // 10, np.float32), prompt=prompt)
    assert scorer.score([*clips, short])[2] == {"spk_similarity_counting": None}
    assert scorer.calls == 3


def tiny_wavlm():
    transformers = pytest.importorskip("transformers")
    config = transformers.WavLMConfig(
        hidden_size=16, num_hidden_layers=2, num_attention_heads=2, intermediate_size=32, conv_dim=(8, 8),
        conv_kernel=(10, 3), conv_stride=(80, 4), num_feat_extract_layers=2, feat_extract_norm="layer",
        do_stable_layer_norm=True, num_conv_pos_embeddings=4, num_conv_pos_embedding_groups=2, num_buckets=8,
        max_bucket_distance=16,
    )  # fmt: skip
    return transformers.WavLMModel(config)


def fairseq_name(name: str) -> str:
    """The name that the published checkpoint gives a tensor of `WavLmEcapaNet`; written from its list of tensors."""
    if not name.startswith("wavlm."):
        return name
    name = name.removeprefix("wavlm.")
    name = re.sub(r"(conv_layers\.\d+)\.conv\.", r"\1.0.", name)
    name = re.sub(r"(conv_layers\.\d+)\.layer_norm\.", r"\1.2.1.", name)
    for ours, theirs in {
        "masked_spec_embed": "mask_emb",
        "feature_projection.projection": "post_extract_proj",
        "feature_projection.layer_norm": "layer_norm",
        "pos_conv_embed.conv.parametrizations.weight.original0": "pos_conv.0.weight_g",
        "pos_conv_embed.conv.parametrizations.weight.original1": "pos_conv.0.weight_v",
        "pos_conv_embed.conv.bias": "pos_conv.0.bias",
        "attention.rel_attn_embed": "self_attn.relative_attention_bias",
        "attention.gru_rel_pos_const": "self_attn.grep_a",
        "attention.gru_rel_pos_linear": "self_attn.grep_linear",
        "attention.": "self_attn.",
        "feed_forward.intermediate_dense": "fc1",
        "feed_forward.output_dense": "fc2",
    }.items():
        name = name.replace(ours, theirs)
    name = re.sub(r"(encoder\.layers\.\d+)\.layer_norm\.", r"\1.self_attn_layer_norm.", name)
    return f"feature_extract.model.{name}"


def test_published_names_are_translated_to_every_tensor_and_back() -> None:
    network = WavLmEcapaNet(tiny_wavlm(), channels=16, pooled=24, embedding=8)
    published = {fairseq_name(name): value for name, value in network.state_dict().items()}
    published["loss_calculator.projection.weight"] = torch.zeros(1)
    assert "feature_extract.model.encoder.layers.0.self_attn.grep_a" in published
    found = translated(published)
    assert found.keys() == network.state_dict().keys()
    assert all(torch.equal(found[name], value) for name, value in network.state_dict().items())


def test_the_network_embeds_a_wave_of_any_loudness() -> None:
    network = WavLmEcapaNet(tiny_wavlm(), channels=16, pooled=24, embedding=8).eval()
    wave = torch.randn(8000)
    with torch.inference_mode():
        quiet, loud = network(0.1 * wave), network(wave)
    assert quiet.shape == (8,)
    assert torch.allclose(quiet, loud, atol=1e-3)


def test_wavlm_of_the_hub_is_loaded_from_a_folder(tmp_path: Path, speech) -> None:
    transformers = pytest.importorskip("transformers")
    config = transformers.WavLMConfig(
        hidden_size=16, num_hidden_layers=1, num_attention_heads=2, intermediate_size=32, conv_dim=(8, 8),
        conv_kernel=(10, 3), conv_stride=(80, 4), num_feat_extract_layers=2, num_conv_pos_embeddings=4,
        num_conv_pos_embedding_groups=2, tdnn_dim=(8, 8), tdnn_kernel=(3, 3), tdnn_dilation=(1, 1),
        xvector_output_dim=8,
    )  # fmt: skip
    transformers.WavLMForXVector(config).save_pretrained(tmp_path)
    transformers.Wav2Vec2FeatureExtractor().save_pretrained(tmp_path)
    scorer = scorers.load("speaker_wavlm_sv", model=str(tmp_path), local_only=True)
    score = scorer.score([replace(speech[0], prompt=speech[0])])[0]
    assert score["spk_similarity_wavlm_sv"] == pytest.approx(1, abs=1e-5)
