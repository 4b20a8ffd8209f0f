"""GRPO, its schedules and the laughter rule in plain NumPy and Python, from the report and not from the code."""

import math
import re

import numpy as np


def advantages(rewards: dict[str, list[float]], weights: dict[str, float], flat: float, floor: float) -> list[float]:
    """Section 2.4: individual normalisation, weighted fusion, overall normalisation; deviations of the population."""
    names = list(weights)
    size = len(rewards[names[0]])
    used = [i for i in range(size) if all(not math.isnan(rewards[name][i]) for name in names)]
    result = [0.0] * size
    if len(used) < 2:
        return result
    fused = [0.0] * len(used)
    for name in names:
        values = [rewards[name][i] for i in used]
        mean = sum(values) / len(values)
        deviation = math.sqrt(sum((value - mean) ** 2 for value in values) / len(values))
        if deviation >= flat:
            fused = [f + weights[name] * (value - mean) / deviation for f, value in zip(fused, values, strict=True)]
    mean = sum(fused) / len(fused)
    deviation = math.sqrt(sum((value - mean) ** 2 for value in fused) / len(fused))
    divisor = max(deviation, floor * max(abs(weight) for weight in weights.values()))
    for i, value in zip(used, fused, strict=True):
        result[i] = (value - mean) / divisor if divisor else 0.0
    return result


def objective(
    policy: np.ndarray, behind: np.ndarray, advantage: np.ndarray, rows: np.ndarray, low: float, high: float, level: str
) -> float:
    """The loss: minus the mean of min(r A, clip(r) A), over tokens, or over answers with one ratio each (GSPO)."""
    terms = []
    if level == "token":
        for p, b, a in zip(policy, behind, advantage, strict=True):
            ratio = math.exp(p - b)
            terms.append(min(ratio * a, min(max(ratio, 1 - low), 1 + high) * a))
    else:
        for row in sorted(set(rows.tolist())):
            mine = rows == row
            ratio, a = math.exp(float(np.mean(policy[mine] - behind[mine]))), float(np.mean(advantage[mine]))
            terms.append(min(ratio * a, min(max(ratio, 1 - low), 1 + high) * a))
    return -sum(terms) / len(terms)


def k3(policy: np.ndarray, reference: np.ndarray) -> float:
    ratio = np.exp(reference - policy)
    return float(np.mean(ratio - np.log(ratio) - 1))


def linear(start: float, end: float, steps: int, step: int) -> float:
    """Table 5: from the initial value linearly to the final one."""
    return end if step >= steps else start + step * (end - start) / steps


def laughter(text: str, found: bool, heard: str) -> float:
    """Section 3.3, for texts in which nothing but the laugh words may be missing from what was heard."""
    asks = re.search(r"[哈嘿呵嘻]{2,}", text) or re.search(r"\b(?:(?:ha|hey)[ ,!]*){2,}", text.lower())
    if not asks or not found:
        return 0.0
    writes = re.search(r"[哈嘿呵嘻]", heard) or re.search(r"\b(?:ha|hey)", heard.lower())
    return 0.0 if writes else 1.0


def wer(wanted: list[str], heard: list[str]) -> float:
    """Edit distance by recursion, over the number of wanted words."""
    memo: dict[tuple[int, int], int] = {}

    def cost(i: int, j: int) -> int:
        if i == 0 or j == 0:
            return i + j
        if (i, j) not in memo:
            same = cost(i - 1, j - 1) + (wanted[i - 1] != heard[j - 1])
            memo[i, j] = min(same, cost(i - 1, j) + 1, cost(i, j - 1) + 1)
        return memo[i, j]

    return cost(len(wanted), len(heard)) / max(1, len(wanted))
