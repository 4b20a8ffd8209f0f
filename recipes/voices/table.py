"""The table and the curve of quality over share, from what curve.py measured.

    python recipes/voices/table.py --work WORK --folder ljspeech_20 --out benchmarks/results

Writes OUT/voices_FOLDER.json and .png and prints the table in Markdown. Means have 95 % intervals, by bootstrap over
lines; of several seeds the lines of all are taken together. A second table has the differences to all weights trained,
line by line, with the p of a paired permutation test. The loss on held-out recordings and what was trained come from
the runs.
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

DRAWS = 2000
ORDER = ("real", "clone", "0.3", "1", "5", "15", "30", "full")
MEASURES = {
    "error_rate": "errors", "resemblyzer": "likeness (Resemblyzer)", "campplus": "likeness (CAM++)",
    "onset_resemblyzer": "onset likeness (Resemblyzer)", "onset_campplus": "onset likeness (CAM++)",
    "nisqa": "NISQA", "length_ratio": "length to the speaker's", "f0_hz": "F0 (Hz)",
    "f0_semitones": "F0 deviation (semitones)",
}  # fmt: skip


def interval(values: np.ndarray, weights: np.ndarray) -> dict[str, float]:
    """Weighted mean (N,) with its 95 % interval."""
    rng = np.random.default_rng(0)
    rows = rng.integers(len(values), size=(DRAWS, len(values)))
    means = (values * weights)[rows].sum(1) / weights[rows].sum(1)
    low, high = np.quantile(means, (0.025, 0.975))
    return {"mean": round(float((values * weights).sum() / weights.sum()), 4), "low": round(float(low), 4),
            "high": round(float(high), 4)}  # fmt: skip


def figures_of(results: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """What the lines of one variant give, over all seeds."""
    lines = [line for result in results for line in result["lines"].values()]
    words = [word for result in results for word in result["words"].values()]
    found: dict[str, Any] = {"lines": len(lines), "words": len(words)}
    if lines:
        counts = np.array([line["units"] for line in lines], dtype=float)
        found["error_rate"] = interval(np.array([line["edits"] for line in lines]) / counts, counts)
        ones = np.ones(len(lines))
        for name in ("resemblyzer", "campplus", "nisqa"):
            if all(name in line for line in lines):
                found[name] = interval(np.array([line[name] for line in lines]), ones)
        own = np.array([line["own_seconds"] for line in lines])
        found["length_ratio"] = interval(np.array([line["seconds"] for line in lines]) / own, own)
        for name in ("f0_hz", "f0_semitones"):
            voiced = np.array([line[name] for line in lines if name in line])
            found[name] = interval(voiced, np.ones(len(voiced)))
    for name in ("resemblyzer", "campplus") if words else ():
        found[f"onset_{name}"] = interval(np.array([word[name] for word in words]), np.ones(len(words)))
    return found


def differences(folder: Path, variant: str, other: str) -> dict[str, Any]:
    """Of each measure of a line: variant − other, over lines and seeds that both have, its interval and p."""
    found: dict[str, Any] = {}
    for part, names in (("lines", ("resemblyzer", "campplus", "nisqa")), ("words", ("resemblyzer", "campplus"))):
        own, others = _measured(folder, variant, part), _measured(folder, other, part)
        keys = [key for key in own if key in others]
        for name in names:
            if len(keys) > 1 and all(name in own[key] and name in others[key] for key in keys):
                one = paired([others[key][name] for key in keys], [own[key][name] for key in keys])
                label = name if part == "lines" else f"onset_{name}"
                interval = [round(end, 4) for end in one.interval or ()]
                found[label] = {"difference": round(one.difference, 4), "interval": interval, "p": round(one.p, 4)}
    return found


def _measured(folder: Path, variant: str, part: str) -> dict[tuple[str, str], dict[str, Any]]:
    """What each line (or word) of each seed gave."""
    found = {}
    for path in sorted((folder / "results").glob(f"{variant}_*.json")):
        seed = path.stem.rpartition("_")[2]
        for key, line in json.loads(path.read_text(encoding="utf-8"))[part].items():
            found[(seed, key)] = line
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


def collected(folder: Path) -> dict[str, Any]:
    """All variants of a folder."""
    table: dict[str, Any] = {}
    for variant in ORDER:
        files = sorted((folder / "results").glob(f"{variant}_*.json"))
        runs = sorted((folder / "runs").glob(f"{variant.replace('.', '')}_*"))
        if not files:  # trained at most, and not measured
            continue
        row: dict[str, Any] = {"seeds": len(files)}
        row |= figures_of([json.loads(path.read_text(encoding="utf-8")) for path in files])
        if variant not in ("real", "full"):
            row["minus_full"] = differences(folder, variant, "full")
        table[variant] = row | ({"runs": [losses_of(run) for run in runs]} if runs else {})
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
    table = collected(chosen.work / chosen.folder)
    if not table:
        raise VoiceError(f"{chosen.work / chosen.folder} has no results. Make them with curve.py first.")
    result = {**environment(), "folder": chosen.folder, "variants": table}
    path = chosen.out / f"voices_{chosen.folder}.json"
    write_text(path, json.dumps(result, indent=1) + "\n")
    if any("resemblyzer" in row for name, row in table.items() if name not in ("real", "clone", "full")):
        draw(table, chosen.folder, path.with_suffix(".png"))
    print(markdown(table), compared(table), sep="\n\n")


if __name__ == "__main__":
    run_program(main)
