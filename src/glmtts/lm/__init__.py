"""The text-to-token language model: prompt layout, sampling, decoding, training."""

from glmtts.stages import register

register("llama", config="glmtts.lm.model:LMConfig", model="glmtts.lm.model:Llama")
register(
    "llama_packed",
    config="glmtts.lm.quantised.config:QuantisedLMConfig",
    model="glmtts.lm.quantised.model:QuantisedLlama",
)
