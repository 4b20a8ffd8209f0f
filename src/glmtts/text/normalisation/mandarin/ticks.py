"""Mandarin ticks and crosses, which are no roots and no products: 打√, 错误的打×, （√）."""

from glmtts.text.normalisation.rules import Rule

# What is under a root begins with one of these.
_ROOT = r"(?!\s?[\dA-Za-zα-ωπ(（{\[.△])"
_DRAWN = r"(?<=[打画划])([\"“'‘「（(]?)"
RULES: list[Rule] = [
    Rule(rf"{_DRAWN}√{_ROOT}", lambda m: f"{m[1]}对勾", needs="√"),
    Rule(r"(?<=[打画划或])([\"“'‘「（(]?)×(?!\s?[\dA-Za-z(（])", lambda m: f"{m[1]}叉", needs="×"),
    Rule(rf"√{_ROOT}", lambda m: "对", needs="√"),
    # a product has a side before it, or a blank on both sides: 长×宽, 长 × 宽
    Rule(
        r"(?:(?<=^)|(?<=[\s，。；：、,;:（(“\"]))×(?=[一-鿿])|(?<![\dA-Za-z）)\s])×(?=[）)”\"，。；！？]|$)",
        lambda m: "错",
        needs="×",
    ),
]
