"""The files of the released GLM-TTS, as they lie in its Hub repository and in the folder of its code."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from glmtts.config import parse_json
from glmtts.errors import ReleaseError
from glmtts.places import is_file

REPOSITORY = "zai-org/GLM-TTS"
NEEDED = (
    "llm/config.json",
    "flow/flow.pt",
    "speech_tokenizer/config.json",
    "vq32k-phoneme-tokenizer/tokenizer.model",
    "vq32k-phoneme-tokenizer/tokenizer_config.json",
    "hift/hift.pt",
)
SPEAKER_MODEL = "frontend/campplus.onnx"
SAFE_CHARACTERS = "configs/G2P_able_1word.json"
REPLACEMENTS = "configs/G2P_replace_dict.jsonl"
OWN_REPLACEMENTS = "configs/custom_replace.jsonl"
SPEAKER_PROMPTS = "configs/spk_prompt_dict.yaml"
VOCOS2D = "vocos2d/generator_jit.ckpt"


@dataclass(frozen=True)
class Release:
    """A folder of released weights and, beside or inside it, the folder of its code."""

    folder: Path
    code: Path

    @classmethod
    def open(cls, folder: Path, code: Path | None = None) -> Self:
        """Check that every needed file is there.

        Raises:
            ReleaseError: lists the missing files.
        """
        release = cls(folder, code or folder)
        wanted = [folder / name for name in NEEDED]
        wanted += [release.code / name for name in (SPEAKER_MODEL, SAFE_CHARACTERS, REPLACEMENTS)]
        missing = [str(path) for path in wanted if not is_file(path, ReleaseError)]
        missing += [
            f"{folder / part}/*.safetensors" for part in ("llm", "speech_tokenizer") if not release.shards(part)
        ]
        if missing:
            raise ReleaseError(
                f"The release lacks {', '.join(missing)}. Fetch the weights again with `glm-tts fetch`, and give the "
                "folder of its code (with configs/ and frontend/) as --code."
            )
        return release

    def shards(self, part: str) -> list[Path]:
        """The safetensors files of `llm` or `speech_tokenizer`: those of its index, or all.

        Raises:
            ReleaseError: the index names a shard that is not there, or is none.
        """
        folder = self.folder / part
        # an index says which files belong together: others may be of another save
        for index in sorted(folder.glob("*.safetensors.index.json")):
            shards = self.table(index).get("weight_map")
            if not isinstance(shards, dict) or not all(isinstance(name, str) for name in shards.values()):
                raise ReleaseError(f"{index} is no index of weights: it has no `weight_map`. Fetch it again.")
            names = sorted(set(shards.values()))
            absent = [name for name in names if not is_file(folder / name, ReleaseError)]
            if absent:
                raise ReleaseError(f"{folder} lacks {', '.join(absent)}, which its index names. Fetch it again.")
            return [folder / name for name in names]
        return sorted(folder.glob("*.safetensors"))

    @staticmethod
    def json(path: Path) -> Any:
        """Content of a JSON file.

        Raises:
            ReleaseError: it is damaged.
        """
        try:
            return parse_json(path.read_text(encoding="utf-8-sig"))
        except (OSError, ValueError, RecursionError) as error:
            raise ReleaseError(f"{path} is damaged: {error}. Fetch it again.") from None

    @classmethod
    def table(cls, path: Path) -> dict[str, Any]:
        """Keys and values of a JSON file.

        Raises:
            ReleaseError: it is damaged, or holds something else.
        """
        values = cls.json(path)
        if not isinstance(values, dict):
            raise ReleaseError(f"{path} holds no keys and values: it is not the released one. Fetch it again.")
        return values
