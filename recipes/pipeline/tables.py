"""What was measured, summed up by condition, and the filter's curve over its threshold."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from truth import Recording

THRESHOLDS = (0.02, 0.05, 0.08, 0.1, 0.12, 0.15, 0.18, 0.2, 0.25, 0.3, 0.4, 0.5, 1.0)
RIGHT = {"en": 0.05, "zh": 0.08}  # errors of words, of toned syllables, up to which a text counts as right


def condition_table(recordings: Sequence[Recording], signals: dict[str, Any], clips: Sequence[dict]) -> dict[str, Any]:
    """One row a condition, one for all music, one for all noise, and one for all."""
    conditions = sorted({one.condition for one in recordings}, key=_order)
    sums = [kind for kind in ("music", "noise") if any(name.startswith(kind) for name in conditions)]
    rows = {}
    for name in [*conditions, *sums, "all"]:
        own = [signals[one.name] for one in recordings if _belongs(one.condition, name)]
        rows[name] = signal_row(own) | text_row([one for one in clips if _belongs(one["condition"], name)])
    return {
        "recordings": len(recordings),
        "hours": sum(one["seconds"] for one in signals.values()) / 3600,
        "table": rows,
    }


def as_markdown(result: dict[str, Any]) -> str:
    """The table by condition and the filter's curves, for the documentation."""
    head = ("condition", "minutes", "VAD F1, silero", "FireRed", "DER", "with collar", "SNR before", "gain", "kept")
    lines = [
        f"{result['recordings']} recordings, {result['hours'] * 60:.0f} minutes.",
        "",
        _row(head),
        _row(["---"] * 9),
    ]
    for name, row in result["table"].items():
        ders = [row.get(f"der_pyannet_{collar}") for collar in ("0", "0.25")]
        values = [row["minutes"], row["vad_f1_silero"], row["vad_f1_firered"], *map(_percent, ders)]
        values += [row.get("snr_before_db", ""), row.get("snr_gain_db", ""), _percent(row["clean_speech_kept"])]
        lines.append(_row([name, *values]))
    for language, unit in (("en", "words"), ("zh", "toned syllables")):
        rows = [row for row in result["filter"][language] if row["error"] is not None]
        if rows:
            error = _percent(result["table"]["all"].get(f"error_{language}"))
            lines += ["", f"The filter, `{language}` ({error} of {unit} wrong before it):", ""]
            lines += [_row(("max_error", "kept", "precision", "recall", f"{unit} wrong")), _row(["---"] * 5)]
            shares = ("kept", "precision", "recall", "error")
            lines += [_row([row["threshold"], *[_percent(row[share]) for share in shares]]) for row in rows]
    return "\n".join(lines)


def _row(cells: Sequence[Any]) -> str:
    return "| " + " | ".join(str(cell) for cell in cells) + " |"


def _percent(share: float | None) -> str:
    return "" if share is None else f"{100 * share:.1f} %"


def _belongs(condition: str, row: str) -> bool:
    """Whether a row sums up recordings of a condition, "noise" those of "noise 5 dB" too."""
    return row in ("all", condition, condition.split()[0])


def _order(condition: str) -> tuple[str, float]:
    kind, *rest = condition.split()
    return kind, float(rest[0]) if rest else 0.0


def signal_row(own: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Figures of sound, summed over recordings."""
    row: dict[str, Any] = {"minutes": round(sum(one["seconds"] for one in own) / 60, 1)}
    for engine in ("silero", "firered"):
        right, found, true = np.sum([one[f"vad_{engine}"] for one in own], axis=0)
        row[f"vad_f1_{engine}"] = round(2 * right / (found + true), 3)
    for key in sorted(key for key in own[0] if key.startswith("der_") and all(key in one for one in own)):
        missed, false, confused, true = np.sum([one[key] for one in own], axis=0)
        row[key] = round((missed + false + confused) / true, 3)
        row[f"{key}_parts"] = [round(part / true, 3) for part in (missed, false, confused)]
    gains = [one["snr_after"] - one["snr_before"] for one in own if "snr_after" in one]
    if gains:
        row["snr_gain_db"] = round(float(np.mean(gains)), 1)
        row["snr_before_db"] = round(float(np.mean([one["snr_before"] for one in own if "snr_after" in one])), 1)
    row["clean_speech_kept"] = round(sum(one["alone_kept"] for one in own) / sum(one["alone"] for one in own), 3)
    seconds: dict[str, float] = {}
    for one in own:
        for name, spent in one["cost"].items():
            seconds[name] = seconds.get(name, 0.0) + spent
    total = sum(one["seconds"] for one in own)
    row["cpu_seconds_a_second"] = {name: round(spent / total, 4) for name, spent in seconds.items()}
    dropped: dict[str, float] = {}
    for one in own:
        for reason, lost in one["dropped"].items():
            dropped[reason] = dropped.get(reason, 0.0) + lost
    row["dropped_seconds"] = {reason: round(lost, 1) for reason, lost in dropped.items()}
    return row


def text_row(clips: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Figures of texts before the filter."""
    row: dict[str, Any] = {"clips": len(clips)}
    for language in ("en", "zh"):
        own = [one for one in clips if one["language"] == language and one["units"] and not one["cut"]]
        if own:
            row[f"error_{language}"] = round(sum(one["edits"] for one in own) / sum(one["units"] for one in own), 3)
            row[f"seconds_{language}"] = round(sum(one["seconds"] for one in own), 1)
    reasons: dict[str, float] = {}
    for one in clips:
        if one["reason"]:
            reasons[one["reason"]] = reasons.get(one["reason"], 0.0) + one["seconds"]
    row["dropped_before_the_filter"] = {reason: round(lost, 1) for reason, lost in reasons.items()}
    row["within_lines"] = round(float(np.mean([one["cut"] for one in clips])), 3) if clips else None
    row["one_speaker"] = round(float(np.mean([one["speakers"] <= 1 for one in clips])), 3) if clips else None
    return row


def filter_curve(clips: Sequence[dict[str, Any]]) -> dict[str, list[dict[str, float]]]:
    """By language and threshold: what is kept, how much of it is right, how much of what is right is kept.

    A text is right where its errors against the truth are within `RIGHT`; shares are of seconds. Clips that begin or
    end within a line of the truth are left out: the words in them are not known.
    """
    curves = {}
    for language in ("en", "zh"):
        own = [one for one in clips if one["language"] == language and not one["cut"]]
        right = sum(one["seconds"] for one in own if is_right(one))
        rows = []
        for threshold in THRESHOLDS:
            kept = [one for one in own if one["second"] is not None and one["second"] < threshold]
            seconds, good = (
                sum(one["seconds"] for one in some) for some in (kept, [one for one in kept if is_right(one)])
            )
            units = sum(one["units"] for one in kept)
            rows.append(
                {
                    "threshold": threshold,
                    "kept": round(seconds / max(1e-9, sum(one["seconds"] for one in own)), 3),
                    "precision": round(good / seconds, 3) if seconds else None,
                    "recall": round(good / right, 3) if right else None,
                    "error": round(sum(one["edits"] for one in kept) / units, 4) if units else None,
                }
            )
        curves[language] = rows
    return curves


def is_right(clip: dict[str, Any]) -> bool:
    """Whether a clip's text says what is said."""
    return bool(clip["units"]) and clip["edits"] / clip["units"] <= RIGHT[clip["language"]]
