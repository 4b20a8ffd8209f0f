"""What `bundle.json` holds: modules with the hashes of their weights, text, voices, and the speaking defaults."""

from typing import Any, Literal

from pydantic import Field

from glmtts.config import Count, StrictConfig
from glmtts.stages import architecture
from glmtts.text.frontend import TextConfig


class ModuleEntry(StrictConfig):
    """A module's weights, its architecture (stages.py) and the configuration of that."""

    architecture: str
    file: str
    sha256: str
    config: dict[str, Any]

    def parsed(self) -> Any:
        """The configuration as its own class.

        Raises:
            BundleError: the architecture is not known.
            ConfigError: the configuration is not valid.
        """
        kind = architecture(self.architecture).config_class()
        former = getattr(kind, "FORMER_KEYS", ())  # settings that bundles written before held here
        return kind.parse({key: value for key, value in self.config.items() if key not in former})


class VoiceEntry(StrictConfig):
    """A bundled voice."""

    file: str
    sha256: str
    description: str


class BundleConfig(StrictConfig):
    """What `bundle.json` holds; `synthesis` is read by synthesis/settings.py."""

    format: Literal[1, 2] = 2
    name: str
    description: str
    licence: str
    sample_rate: Count
    modules: dict[str, ModuleEntry]
    text: TextConfig
    text_files: dict[str, str]
    voices: dict[str, VoiceEntry]
    speaker_prompts: dict[str, list[int]] = Field(default={})
    synthesis: dict[str, Any] = Field(default={})
