"""What the command line of a run names, put together: recognisers by language, scorers, workers, labels."""

from collections import Counter
from collections.abc import Collection, Sequence
from pathlib import Path

from glmtts.errors import EvaluationError

Recognisers = dict[str, str]


def recognisers_of(given: Sequence[str], languages: Collection[str]) -> tuple[Recognisers, frozenset[str]]:
    """Recognisers by language, and the languages that are named apart, as `zh=whisper:FOLDER`.

    One without a language is for all `languages`, those that the protocol has, but for those named apart.

    Raises:
        EvaluationError: two are for one language, or one is for none.
    """
    pairs = [_of_language(text) for text in given]
    if twice := [language for language, times in Counter(one for one, _ in pairs).items() if times > 1]:
        which = f"the language '{twice[0]}'" if twice[0] else "all languages"
        raise EvaluationError(f"--asr names two recognisers for {which}. Give one of them.")
    apart = {language: name for language, name in pairs if language}
    of_all = {language: name for one, name in pairs if not one for language in languages}
    if of_all and of_all.keys() <= apart.keys():
        idle = next(iter(of_all.values()))
        raise EvaluationError(f"--asr {idle} does nothing: each language has a recogniser of its own. Leave it out.")
    return of_all | apart, frozenset(apart)


def _of_language(text: str) -> tuple[str, str]:
    """A language, empty for all, and its recogniser; an `=` further on is of a path."""
    language, equals, name = text.partition("=")
    return (language, name) if equals and len(language) == 2 else ("", text)


def scorers_of(given: Sequence[str], versa: Path | None) -> tuple[str, ...] | None:
    """Specifications of scorers, None for the protocol's own.

    Raises:
        EvaluationError: they are named in two ways, `none` stands beside others, or the configuration is none.
    """
    if given and versa is not None:
        raise EvaluationError("--scorer and --score-config both name the scorers. Give one of them.")
    if versa is not None:
        from glmtts.eval.scorers.versa import chosen

        pairs = [(name, "&".join(f"{key}={value}" for key, value in its.items())) for name, its in chosen(versa)]
        return tuple(name + (f"?{options}" if options else "") for name, options in pairs)
    if "none" in given and len(given) > 1:
        raise EvaluationError("--scorer none stands beside other scorers. Leave it out, or them.")
    return tuple(name for name in given if name != "none") if given else None


def check_workers(processes: int, ray: str | None, gpus: float) -> None:
    """Raises EvaluationError where an option of workers does nothing beside another."""
    if ray is not None and processes > 1:
        raise EvaluationError("--processes does nothing with --ray: the cluster tells how many work. Leave it out.")
    if ray is None and gpus:
        raise EvaluationError("--gpus is for the tasks of a Ray cluster. Give --ray ADDRESS, or leave it out.")


def check_labels(labels: Sequence[str]) -> None:
    """Raises EvaluationError where two systems have one label."""
    if twice := next((label for label in labels if labels.count(label) > 1), None):
        raise EvaluationError(f"Two systems are named '{twice}'. Give each a LABEL= of its own.")


def score_files_of(given: Sequence[str]) -> dict[str, Path]:
    """Score files by system, from `SYSTEM=FILE`.

    Raises:
        EvaluationError: one is written otherwise, or two systems have one name.
    """
    pairs = [text.partition("=") for text in given]
    if not all(label.strip() and path for label, _, path in pairs):
        raise EvaluationError("Write each file as SYSTEM=FILE.")
    check_labels([label for label, _, _ in pairs])
    return {label: Path(path) for label, _, path in pairs}
