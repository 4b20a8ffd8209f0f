"""The table and the curve of quality over share, from what curve.py measured.

    python recipes/voices/table.py --work WORK --folder ljspeech_20 --out benchmarks/results

Writes OUT/voices_FOLDER.json and .png and prints the table in Markdown. Means have 95 % intervals, by bootstrap over
lines, each the mean of its seeds. A second table has the differences to all weights trained, line by line, with the p
of a paired permutation test. The loss on held-out recordings and what was trained come from the runs.

OUT/voices_FOLDER_lines.json keeps each line of each run. Runs that are there and not in WORK, as those of another
machine, count as well.
"""

import csv
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from glmtts.errors import VoiceError
from glmtts.eval.hardware import environment
from glmtts.eval.statistics import paired
from glmtts.programs import a_folder, folder_to_fill, parser_of, run_program, write_text, write_whole

Run = dict[str, Any]  # `lines` and `words` by their numbers, as measure.py writes them, `training` and `commit`
DRAWS = 2000
ORDER = ("real", "clone", "0.3", "1", "5", "15", "30", "full")
MEASURES = {
    "error_rate": "errors", "resemblyzer": "likeness (Resemblyzer)", "campplus": "likeness (CAM++)",
    "onset_resemblyzer": "onset likeness (Resemblyzer)", "onset_campplus": "onset likeness (CAM++)",
    "nisqa": "NISQA", "length_ratio": "length to the speaker's", "f0_hz": "F0 (Hz)",
    "f0_semitones": "F0 deviation (semitones)",
}  # fmt: skip
COMPARED = ("error_rate", "resemblyzer", "campplus", "nisqa", "onset_resemblyzer", "onset_campplus")
RATIOS = {"error_rate": ("edits", "units"), "length_ratio": ("seconds", "own_seconds")}


def interval(values: np.ndarray, weights: np.ndarray) -> dict[str, float]:
    """Weighted mean (N,) with its 95 % interval."""
    rng = np.random.default_rng(0)
    rows = rng.integers(len(values), size=(DRAWS, len(values)))
    means = (values * weights)[rows].sum(1) / weights[rows].sum(1)
    low, high = np.quantile(means, (0.025, 0.975))
    return {"mean": round(float((values * weights).sum() / weights.sum()), 4), "low": round(float(low), 4),
            "high": round(float(high), 4)}  # fmt: skip


def values_of(runs: Sequence[Run], measure: str) -> tuple[np.ndarray, np.ndarray]:
    """A measure (seeds, lines) of the lines, or words, that all seeds have it of, and the lines' weights (lines,).

    Errors weigh as their units, lengths as the speaker's own seconds, all else the same.
    """
    part, name = ("words", measure.removeprefix("onset_")) if measure.startswith("onset_") else ("lines", measure)
    above, below = RATIOS.get(name, (name, None))
    keys = [key for key in runs[0][part] if all(above in run[part].get(key, {}) for run in runs)]
    values = np.array([[run[part][key][above] for key in keys] for run in runs], dtype=float)
    if below is None or not keys:
        return values, np.ones(len(keys))
    weights = np.array([runs[0][part][key][below] for key in keys], dtype=float)
    return values / weights, weights


def figures_of(runs: Sequence[Run]) -> dict[str, Any]:
    """What one variant gives: seeds say the same lines, so the interval is over lines, each the mean of its seeds."""
    found: dict[str, Any] = {"lines": len(runs[0]["lines"]), "words": len(runs[0]["words"])}
    for measure in MEASURES:
        values, weights = values_of(runs, measure)
        if values.size:
            found[measure] = interval(values.mean(0), weights)
            if len(runs) > 1:
                found[measure]["seeds"] = [round(float(mean), 4) for mean in values @ weights / weights.sum()]
    return found


def differences(runs: Sequence[Run], others: Sequence[Run]) -> dict[str, Any]:
    """Of each measure but lengths and F0: runs − others, over lines, each the mean of its seeds; its interval and p."""
    found: dict[str, Any] = {}
    for measure in COMPARED:
        both, _ = values_of([*runs, *others], measure)
        if both.shape[1] > 1:
            one = paired(both[len(runs) :].mean(0).tolist(), both[: len(runs)].mean(0).tolist())
            ends = [round(end, 4) for end in one.interval or ()]
            found[measure] = {"difference": round(one.difference, 4), "interval": ends, "p": round(one.p, 4)}
    return found


def losses_of(run: Path) -> dict[str, Any]:
    """Of each network of a run: the best figures on held-out recordings, steps, and minutes."""
    found: dict[str, Any] = {}
    for kind, judged in (("lm", ("held_out_loss",)), ("flow", ("held_out_flow", "held_out_prior"))):
        path = run / kind / "evaluation.csv"
        if path.exists():
            rows = list(csv.DictReader(path.open(encoding="utf-8")))
            best = min(rows, key=lambda row: sum(float(row[name]) for name in judged))
            found[kind] = {name: round(float(value), 4) for name, value in best.items() if value}
    return found


def measured(folder: Path, kept: Path) -> dict[str, Run]:
    """All runs by VARIANT_SEED: those of `folder`, and of the file `kept` those that it lacks."""
    runs: dict[str, Run] = json.loads(kept.read_text(encoding="utf-8")) if kept.exists() else {}
    for path in sorted((folder / "results").glob("*_*.json")):
        result = json.loads(path.read_text(encoding="utf-8"))
        rounded = {
            part: {key: {n: round(v, 4) for n, v in line.items()} for key, line in result[part].items()}
            for part in ("lines", "words")
        }
        run = folder / "runs" / path.stem.replace(".", "")
        runs[path.stem] = {"commit": result.get("commit"), **rounded, "training": losses_of(run)}
    return runs


def collected(runs: dict[str, Run]) -> dict[str, Any]:
    """The figures of all variants."""
    of = {
        variant: [run for name, run in sorted(runs.items()) if name.rpartition("_")[0] == variant] for variant in ORDER
    }
    table: dict[str, Any] = {}
    for variant, seeds in of.items():
        if not seeds:
            continue
        row: dict[str, Any] = {"seeds": len(seeds), **figures_of(seeds)}
        if variant not in ("real", "full") and of["full"]:
            row["minus_full"] = differences(seeds, of["full"])
        trained = [run["training"] for run in seeds if run["training"]]
        table[variant] = row | ({"runs": trained} if trained else {})
    return table


def markdown(table: dict[str, Any]) -> str:
    """The table with intervals."""
    names = [name for name in MEASURES if any(name in row for row in table.values())]
    lines = ["| share | " + " | ".join(MEASURES[name] for name in names) + " |", "|---" * (len(names) + 1) + "|"]
    for variant, row in table.items():
        cells = [
            f"{row[n]['mean']:.3g} ({row[n]['low']:.3g} to {row[n]['high']:.3g})" if n in row else "" for n in names
        ]
        lines.append(f"| {variant} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def compared(table: dict[str, Any]) -> str:
    """The table of differences to all weights trained."""
    rows = {variant: row["minus_full"] for variant, row in table.items() if row.get("minus_full")}
    names = [name for name in MEASURES if any(name in row for row in rows.values())]
    lines = ["| share, less all weights | " + " | ".join(MEASURES[name] for name in names) + " |"]
    lines.append("|---" * (len(names) + 1) + "|")
    for variant, row in rows.items():
        cells = [f"{row[name]['difference']:+.3f}, p {row[name]['p']:.2g}" if name in row else "" for name in names]
        lines.append(f"| {variant} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def draw(table: dict[str, Any], title: str, picture: Path) -> None:
    """Likeness over share, with the clone, all weights and the speaker as lines."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    shares = [variant for variant in table if variant.replace(".", "").isdigit() and "resemblyzer" in table[variant]]
    figure, axes = pyplot.subplots(figsize=(6, 3.6))
    for name, colour in (("resemblyzer", "tab:blue"), ("campplus", "tab:orange")):
        rows = [table[variant][name] for variant in shares]
        means = [row["mean"] for row in rows]
        errors = [[m - row["low"] for m, row in zip(means, rows)], [row["high"] - m for m, row in zip(means, rows)]]  # noqa: B905
        axes.errorbar([float(s) for s in shares], means, yerr=errors, marker="o", label=MEASURES[name], color=colour)
        for variant, style in (("real", "-"), ("full", "--"), ("clone", ":")):
            if name in table.get(variant, {}):
                axes.axhline(table[variant][name]["mean"], linestyle=style, color=colour, alpha=0.5)
    axes.set(
        xlabel="share of the backbone (%)",
        ylabel="cosine",
        title=f"{title}; solid: recordings, dashed: all weights, dotted: clone",
    )
    axes.set_xscale("log")
    axes.set_xticks([float(share) for share in shares], shares)
    axes.minorticks_off()
    axes.legend(fontsize=8)
    figure.tight_layout()
    write_whole(picture, lambda path: figure.savefig(path, dpi=120))


def main(arguments: Sequence[str] | None = None) -> None:
    parser = parser_of(__doc__)
    parser.add_argument("--work", type=a_folder, required=True)
    parser.add_argument("--folder", required=True)
    parser.add_argument("--out", type=folder_to_fill, required=True)
    chosen = parser.parse_args(arguments)
    path = chosen.out / f"voices_{chosen.folder}.json"
    kept = path.with_stem(f"{path.stem}_lines")
    runs = measured(chosen.work / chosen.folder, kept)
    if not runs:
        raise VoiceError(f"{chosen.work / chosen.folder} has no results. Make them with curve.py first.")
    table = collected(runs)
    write_text(kept, "{" + ",\n".join(f"{json.dumps(name)}: {json.dumps(run)}" for name, run in runs.items()) + "}\n")
    result = {**environment(), "folder": chosen.folder, "variants": table}
    write_text(path, json.dumps(result, indent=1) + "\n")
    if any("resemblyzer" in row for name, row in table.items() if name not in ("real", "clone", "full")):
        draw(table, chosen.folder, path.with_suffix(".png"))
    print(markdown(table), compared(table), sep="\n\n")


if __name__ == "__main__":
    run_program(main)
