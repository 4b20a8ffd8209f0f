"""Mel-Band RoFormer's architecture and its overlap-add; PyanNet's shapes. Their published weights are not at hand."""

import numpy as np
import pytest
import torch

from glmtts.data.pipeline.stages.pyannet import CLASSES, PyanNet, SincFilters
from glmtts.data.pipeline.stages.separate import SeparateConfig, SeparateStage
from glmtts.data.pipeline.stages.separation import MelBandRoformer, RoformerConfig, band_bins, demix, load_roformer
from glmtts.errors import DataError

SMALL = RoformerConfig(n_fft=256, hop_length=64, dim=8, depth=1, bands=6, heads=2, dim_head=4)


def test_at_full_size_it_has_the_weights_of_the_checkpoint() -> None:
    with torch.device("meta"):
        model = MelBandRoformer(RoformerConfig())
    state = model.state_dict()
    assert sum(weights.numel() for weights in model.parameters()) == 228_202_852  # 228 M, as published
    assert len(state) == 684
    assert state["layers.5.1.layers.0.0.to_qkv.weight"].shape == (1536, 384)
    assert state["mask_estimators.0.to_freqs.0.0.4.bias"].shape == (2 * model.band_split.widths[0],)


def test_every_bin_lies_in_a_band() -> None:
    holds_NF = band_bins(RoformerConfig())
    assert holds_NF.shape == (60, 1025) and bool(holds_NF.any(0).all())
    assert int(holds_NF.sum(0).max()) == 2  # neighbours overlap


def test_masks_of_one_give_the_mixture_back() -> None:
    torch.manual_seed(0)
    model, mix_BCT = MelBandRoformer(SMALL.model_copy(update={"zero_dc": False})).eval(), torch.randn(1, 2, 1000) * 0.1
    for layer in model.mask_estimators[0].to_freqs:
        last = layer[0][-1]
        torch.nn.init.zeros_(last.weight)
        gate = len(last.bias) // 2
        last.bias.data[:gate] = torch.tensor([1.0, 0.0]).repeat(gate // 2)  # real part 1, imaginary part 0
        last.bias.data[gate:] = 30.0  # GLU open
    with torch.no_grad():
        made = model(mix_BCT)
    assert torch.allclose(made, mix_BCT, atol=1e-5)


@pytest.mark.parametrize("samples", [1, 99, 100, 151, 400, 1033])
def test_overlap_add_is_exact(samples: int) -> None:
    mix_CT = torch.randn(2, samples)
    assert torch.allclose(demix(torch.nn.Identity(), mix_CT, chunk=100, overlap=2), mix_CT, atol=1e-5)  # type: ignore[arg-type]


def test_other_weights_are_refused_in_a_sentence(tmp_path) -> None:  # type: ignore[no-untyped-def]
    torch.save({"layers.0": torch.zeros(2)}, tmp_path / "other.ckpt")
    with pytest.raises(DataError, match="no weights of Mel-Band RoFormer"):
        load_roformer(tmp_path / "other.ckpt")
    with pytest.raises(DataError, match="Fetch MelBandRoformer"):
        SeparateStage(SeparateConfig())


def test_pyannet_reads_ten_seconds_in_589_frames() -> None:
    network = PyanNet().eval()
    speakers = network.speakers(torch.randn(1, 160_000))
    assert speakers.shape == (1, 589, 3) and int(speakers.sum(-1).max()) <= 2
    assert CLASSES.sum(1).tolist() == [0, 1, 1, 1, 2, 2, 2]


def test_sinc_filters_pass_their_band() -> None:
    filters = SincFilters(1, 251)
    filters.low_hz_.data.fill_(950.0)  # 1000 to 1150 Hz with the constants added
    filters.band_hz_.data.fill_(100.0)
    response = np.abs(np.fft.rfft(filters()[0, 0].detach().numpy(), 1600))  # 10 Hz a bin
    assert 100 <= int(response.argmax()) <= 115 and response[200] < 0.02 * response.max()
