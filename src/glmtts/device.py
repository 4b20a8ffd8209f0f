"""The device that models run on, chosen by name; what is not there is one sentence."""

import torch

from glmtts.errors import ConfigError

NAMES = ("auto", "cpu", "cuda", "mps")


def chosen_device(name: str = "auto") -> torch.device:
    """`auto`, `cpu`, `cuda` (or `cuda:1`, …) or `mps` as a device that is there.

    `auto` is the first CUDA GPU, or else the CPU. Apple's GPU is used only where it is asked for: the tests have run on
    none.

    Raises:
        ConfigError: there is no such device, or PyTorch was built without it.
    """
    kind, colon, number = name.strip().lower().partition(":")
    # isascii too, as isdigit takes superscripts, which int refuses
    if kind not in NAMES or (colon and not (kind == "cuda" and number.isascii() and number.isdigit())):
        raise ConfigError(f"The device is '{name}'. Choose one of {', '.join(NAMES)}; a further GPU is cuda:1.")
    if kind == "auto":
        kind = "cuda" if torch.cuda.is_available() else "cpu"
    if kind == "cuda" and (missing := _missing_cuda(int(number or 0))):
        raise ConfigError(f"{missing} Choose --device cpu, or auto for what is there.")
    if kind == "mps" and not torch.backends.mps.is_available():
        raise ConfigError("This machine has no GPU of Apple's. Choose --device cpu, or auto for what is there.")
    return torch.device(f"{kind}:{int(number)}" if number else kind)


def _missing_cuda(number: int) -> str:
    """Why the CUDA GPU of a number cannot be used; nothing where it can."""
    if torch.cuda.is_available():
        count = torch.cuda.device_count()
        return "" if number < count else f"There is no GPU cuda:{number}, since there are {count}, counted from 0."
    if not torch.backends.cuda.is_built():
        return "This PyTorch was built for the CPU alone, so it sees no CUDA GPU (another build is on pytorch.org)."
    return "No CUDA GPU is seen here: there is none, or its driver is missing."
