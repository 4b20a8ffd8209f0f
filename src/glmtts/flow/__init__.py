"""Speech tokens to mel: the diffusion transformer, conditional flow matching, streaming, training."""

from glmtts.stages import register

register("dit", config="glmtts.flow.dit:FlowConfig", model="glmtts.flow.dit:DiT")
