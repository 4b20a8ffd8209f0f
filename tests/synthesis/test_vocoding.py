"""Samples of a mel that grows, by vocoders that see a part, all, or an unknown share of it."""

import pytest
import torch
from torch import Tensor

from glmtts.audio.mel import MelConfig
from glmtts.synthesis.vocoding import VocoderStream
from glmtts.vocoder.hift import HiFT, HiFTConfig

FRAMES = 160


class Unbounded:
    """A vocoder that does not say how far it sees: each sample is a mean over the frames around its own."""

    look_ahead = None

    def __init__(self, reach: int) -> None:
        self.reach = reach
        self.calls: list[int] = []

    @property
    def mel(self) -> MelConfig:
        return MelConfig()

    def __call__(self, mel_BMT: Tensor) -> Tensor:
        self.calls.append(mel_BMT.shape[2])
        level_BT = torch.nn.functional.avg_pool1d(mel_BMT[:, :1], 2 * self.reach + 1, 1, self.reach)[:, 0]
        return level_BT.repeat_interleave(self.mel.hop_length, dim=1)


def parts(mel_BMT: Tensor) -> list[Tensor]:
    return list(mel_BMT.split([50, 50, 3, FRAMES - 103], dim=2))


def streamed(stream: VocoderStream, mel_BMT: Tensor) -> list[Tensor]:
    chunks = [stream.feed(part) for part in parts(mel_BMT)]
    return [*chunks, stream.feed(mel_BMT[:, :, :0], ended=True)]


@pytest.fixture(scope="module")
def hift() -> HiFT:
    torch.manual_seed(1)
    model = HiFT(HiFTConfig(base_channels=32, f0_channels=16)).eval()
    with torch.no_grad():
        model.f0_predictor.classifier.bias.fill_(150.0)  # voiced, so that the phase counts
    return model


@torch.inference_mode()
def test_hift_streams_the_samples_of_the_whole(hift: HiFT) -> None:
    mel_BMT = torch.randn(1, 80, FRAMES)
    chunks = streamed(VocoderStream(hift, torch.device("cpu")), mel_BMT)
    joined, whole = torch.cat(chunks), hift(mel_BMT)[0]
    assert len(chunks[0]) == (50 - hift.look_ahead) * 480 > 0, "the first chunk does not wait for the second"
    assert len(joined) == len(whole)
    fade = 2400  # what ends is faded
    torch.testing.assert_close(joined[:-fade], whole[:-fade], atol=1e-4, rtol=0)


@torch.inference_mode()
def test_the_reach_of_hift_is_not_more_than_it_needs(hift: HiFT) -> None:
    """A change of one frame is heard within the reach on either side, and neither beyond nor much less far."""
    mel_BMT, at = torch.randn(1, 80, FRAMES), FRAMES // 2
    changed = mel_BMT.clone()
    changed[:, :, at] += 1
    source = hift.m_source(hift.f0_predictor(mel_BMT), noise=True)
    far = (hift.decode(mel_BMT, source) - hift.decode(changed, source))[0].view(FRAMES, 480).abs().amax(1)
    moved = [abs(frame - at) for frame in (far > 0).nonzero()[:, 0].tolist()]
    assert hift.look_ahead // 3 <= max(moved) <= hift.look_ahead


@torch.inference_mode()
def test_windows_without_a_known_bound_fade_into_each_other() -> None:
    vocoder = Unbounded(reach=2)
    mel_BMT = torch.randn(1, 80, FRAMES).cumsum(2) / 40
    chunks = streamed(VocoderStream(vocoder, torch.device("cpu")), mel_BMT)
    joined, whole = torch.cat(chunks), vocoder(mel_BMT)[0].clamp(-1, 1)
    assert len(joined) == len(whole)
    assert len(chunks[0]) == (50 - 5) * 480
    assert max(vocoder.calls[:-1]) < FRAMES, "a window is not the whole"
    assert (joined[:-2400] - whole[:-2400]).abs().max() < (whole[480:] - whole[:-480]).abs().max()
    steps = (joined[1:-2400] - joined[:-2401]).abs().max()
    assert steps <= 1.5 * (whole[1:] - whole[:-1]).abs().max(), "no joint is a step"


def test_an_utterance_of_few_frames_leaves_at_its_end(hift: HiFT) -> None:
    stream = VocoderStream(hift, torch.device("cpu"))
    assert len(stream.feed(torch.randn(1, 80, 4))) == 0
    assert len(stream.feed(torch.zeros(1, 80, 0), ended=True)) == 4 * 480
    assert len(stream.feed(torch.zeros(1, 80, 0), ended=True)) == 0
