"""Draw the calibration and the effect of the sensitivity that a benchmark measured.

    python benchmarks/diagrams.py METRICS.json [-o FOLDER]

Reads the ``metrics.json`` of ``hcl benchmark``; writes ``reliability.svg`` and ``sensitivity.svg`` and prints the
second as a table. Needs ``pip install matplotlib``.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import matplotlib

matplotlib.use("svg")
matplotlib.rcParams.update(
    {"svg.hashsalt": "hcl_sdk", "svg.fonttype": "none", "font.size": 10, "font.family": "sans-serif"}
)
from matplotlib import pyplot as plt  # noqa: E402

INK, LINE, OTHER = "#37474f", "#00796b", "#c2185b"


def draw_reliability(metrics: dict[str, Any], path: Path) -> None:
    """Draw the corrupted share of pixels by confidence (Guo et al., ICML 2017), and below how many there are."""
    ranges = metrics["calibration"]
    confidence, corrupted = ([r[key] for r in ranges] for key in ("confidence", "corrupted"))
    pixels = sum(r["pixels"] for r in ranges)
    figure, (above, below) = plt.subplots(2, 1, figsize=(4.4, 5.6), height_ratios=(3, 1), sharex=True)
    above.plot([0, 1], [0, 1], color=INK, linewidth=0.8, linestyle="--", label="perfect")
    above.plot(confidence, corrupted, color=LINE, marker="o", markersize=4, clip_on=False, label="measured")
    above.set(ylabel="share corrupted", xlim=(0, 1), ylim=(0, 1))
    error = metrics["overall"]["calibration_error"]["value"]
    above.set_title(f"expected calibration error {error:.3f}", fontsize=10, color=INK)
    above.legend(frameon=False, loc="upper left")
    below.bar(confidence, [r["pixels"] / pixels for r in ranges], width=0.05, color=LINE)
    below.set(xlabel="confidence", ylabel="share of pixels", yscale="log")
    _save(figure, path)


def draw_sensitivity(metrics: dict[str, Any], path: Path) -> None:
    """Draw precision and recall by sensitivity, and the cost on clean photos."""
    points = [point for point in metrics["sensitivities"] if point["precision"] is not None]
    at = [point["sensitivity"] for point in points]
    figure, axes = plt.subplots(figsize=(5.6, 3.6))
    for key, color, style in (
        ("precision", LINE, "-"),
        ("recall", OTHER, "-"),
        ("f1", INK, "-"),
        ("untouched", INK, ":"),
    ):
        label = {"f1": "F1", "untouched": "clean photos untouched"}.get(key, key)
        axes.plot(at, [point[key] for point in points], color=color, linestyle=style, label=label)
    axes.axvline(0.5, color=INK, linewidth=0.6, linestyle="--")
    axes.set(xlabel="sensitivity", xlim=(0, 1), ylim=(0, 1))
    axes.legend(frameon=False, loc="lower left", fontsize=9)
    _save(figure, path)


def _save(figure: Any, path: Path) -> None:
    for axes in figure.axes:
        axes.spines[["top", "right"]].set_visible(False)
        axes.tick_params(colors=INK)
    figure.tight_layout()
    figure.savefig(path, metadata={"Date": None})
    plt.close(figure)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("metrics", type=Path)
    parser.add_argument("-o", "--out", type=Path, default=Path())
    arguments = parser.parse_args()
    metrics = json.loads(arguments.metrics.read_text(encoding="utf-8"))
    arguments.out.mkdir(parents=True, exist_ok=True)
    draw_reliability(metrics, arguments.out / "reliability.svg")
    draw_sensitivity(metrics, arguments.out / "sensitivity.svg")
    print("| sensitivity | precision | recall | F1 | flagged of clean photos | clean photos untouched |")
    print("|---|---|---|---|---|---|")
    for point in metrics["sensitivities"]:
        measures = (point[key] for key in ("precision", "recall", "f1", "false_positive_area", "untouched"))
        print(f"| {point['sensitivity']:.2f} | {' | '.join('-' if m is None else f'{m:.3f}' for m in measures)} |")


if __name__ == "__main__":
    main()
