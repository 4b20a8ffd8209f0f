"""Mel to waveform: Vocos, HarmonicVocos, Vocos2D, HiFT and the released 32 kHz program; discriminators and training."""

from glmtts.stages import register

register("vocos", config="glmtts.vocoder.vocos:VocosConfig", model="glmtts.vocoder.vocos:Vocos")
register(
    "vocos_harmonic",
    config="glmtts.vocoder.harmonic:HarmonicVocosConfig",
    model="glmtts.vocoder.harmonic:HarmonicVocos",
)
register("vocos2d", config="glmtts.vocoder.vocos2d:Vocos2DConfig", model="glmtts.vocoder.vocos2d:Vocos2D")
register("hift", config="glmtts.vocoder.hift:HiFTConfig", model="glmtts.vocoder.hift:HiFT")
register(
    "vocos2d_torchscript",
    config="glmtts.vocoder.torchscript:TorchScriptVocoderConfig",
    model="glmtts.vocoder.torchscript:TorchScriptVocoder",
)
