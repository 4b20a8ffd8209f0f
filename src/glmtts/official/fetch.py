"""The release from the Hub: resumed, and every large file checked against the hash that the Hub records."""

import hashlib
from pathlib import Path

from tqdm import tqdm

from glmtts.backends import reason_of
from glmtts.errors import ReleaseError
from glmtts.official.release import NEEDED, REPOSITORY, Release
from glmtts.official.weights import Shards
from glmtts.places import is_file

PATTERNS = ["llm/*", "flow/*", "speech_tokenizer/*", "vq32k-phoneme-tokenizer/*", "hift/*", "vocos2d/*"]


def fetch(folder: Path, repository: str = REPOSITORY, revision: str | None = None) -> Path:
    """Download the weights into `folder` (about 9 GB); a broken download goes on where it stopped.

    Raises:
        ReleaseError: the Hub cannot be reached, a file does not have its recorded hash, or the repository lacks one
            that the conversion needs.
    """
    from huggingface_hub import HfApi, snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError, LocalEntryNotFoundError

    try:
        info = HfApi().model_info(repository, revision=revision, files_metadata=True)
        # the commit that the hashes were read from, which a branch may have left by now
        snapshot_download(repository, revision=info.sha, local_dir=folder, allow_patterns=PATTERNS)
    except (HfHubHTTPError, HFValidationError, LocalEntryNotFoundError, OSError) as error:
        reason = reason_of(error, 120).rstrip(".")
        raise ReleaseError(
            f"{repository} cannot be downloaded: {reason}. Run the command again to go on, or give a folder that has "
            "the files with --from."
        ) from None
    # small files are plain Git objects, whose recorded hash is no SHA-256
    hashes = {item.rfilename: item.lfs.sha256 for item in info.siblings or [] if item.lfs}
    # the Hub also lists what no pattern asked for
    check_hashes(folder, {name: digest for name, digest in hashes.items() if (folder / name).exists()})
    return check_folder(folder, f"Run the command again, or give another revision of {repository} with --revision.")


def check_hashes(folder: Path, hashes: dict[str, str]) -> None:
    """Compare files with their SHA-256; a file that differs is deleted, so that the next download brings it anew.

    Raises:
        ReleaseError: names the files that differed.
    """
    wrong = []
    for name, digest in tqdm(hashes.items(), desc="checking", unit="file"):
        with (folder / name).open("rb") as file:
            if hashlib.file_digest(file, "sha256").hexdigest() != digest:
                wrong.append(name)
    for name in wrong:
        (folder / name).unlink()
    if wrong:
        raise ReleaseError(f"{', '.join(wrong)} did not have the recorded hash. Run the command again.")


def check_folder(folder: Path, cure: str = "Give the folder of the whole release.") -> Path:
    """Check that a folder holds the released weights with readable headers; gives it. `cure` ends the error.

    Raises:
        ReleaseError: files are missing or damaged.
    """
    missing = [name for name in NEEDED if not is_file(folder / name, ReleaseError)]
    if missing:
        raise ReleaseError(f"{folder} lacks {', '.join(missing)}. {cure}")
    for part in ("llm", "speech_tokenizer"):
        shards = Release(folder, folder).shards(part)
        if not shards:
            raise ReleaseError(f"{folder / part} holds no safetensors files. {cure}")
        # made for its checks alone: it opens every header
        Shards(shards)
    return folder
