"""Does contrastive learning generalize to damage it never saw? Train one small network in three ways, and compare.

    python benchmarks/generalization/run.py PHOTOS HELD_OUT -o FOLDER [--exclude NAMES] [--steps N] [--only PATTERN]

PHOTOS is the folder to train on, without the photos named in the text file NAMES; HELD_OUT is what is measured. Trained
are, with the recipe beside this file: each way on all contents, and on parts of other photos alone, as the paper does,
with three seeds; each way without one content, for each content. All have the same steps, network and images.
What is done is kept in FOLDER: a killed run goes on, and the tables are printed of what there is. A FOLDER holds runs
of the same steps.
"""

from __future__ import annotations

import argparse
import copy
import fnmatch
import json
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from statistics import mean
from typing import Any

import yaml

HERE = Path(__file__).parent
SEEDS = (0, 1, 2)
LEFT_OUT = {  # a content of the recipe, and the contents of the benchmark that it is of
    "photo": ("photo",),
    "color": ("color",),
    "noise": ("noise",),
    "mosaic": ("mosaic",),
    "same-photo": ("same photo",),
    "graffiti": ("graffiti",),
    "text": ("text",),
    "logo": ("opaque logo", "watermark"),
}
CONTENTS = [name for names in LEFT_OUT.values() for name in names]


@dataclass(frozen=True)
class Run:
    """A training: a way of the recipe, its contents (``all``, ``only-NAME``, ``no-NAME``), a seed."""

    way: str
    contents: str
    seed: int

    @property
    def name(self) -> str:
        return f"{self.way}_{self.contents}_{self.seed}"


def runs(ways: list[str]) -> Iterator[Run]:
    for way in ways:
        yield from (Run(way, "all", seed) for seed in SEEDS)
    for way in ways:
        yield from (Run(way, "only-photo", seed) for seed in SEEDS)
    for content in LEFT_OUT:
        yield from (Run(way, f"no-{content}", SEEDS[0]) for way in ways)


def configuration(recipe: dict[str, Any], run: Run, steps: int) -> dict[str, Any]:
    """What ``hcl train`` is given."""
    way = recipe["ways"][run.way]
    made = copy.deepcopy(recipe["common"])
    made["pipeline"] = {"detector": {**recipe["detector"], **way["detector"]}, "detection_size": 256}
    made["detection"] = {"losses": way["losses"]}
    made["data"]["soften_over"] = round(way.get("soften_over", 0) * steps)
    made |= {"steps": steps, "seed": run.seed}
    kind, _, content = run.contents.partition("-")
    rules = made["data"]["corruption"]["rules"]
    for rule in rules if kind != "all" else ():
        rule["contents"] = [c for c in rule["contents"] if (_content(c) == content) == (kind == "only")]
    made["data"]["corruption"]["rules"] = [rule for rule in rules if rule["contents"]]
    return made


def _content(written: str | dict[str, Any]) -> str:
    return written if isinstance(written, str) else written["use"]


def train_and_measure(run: Run, recipe: dict[str, Any], arguments: argparse.Namespace) -> None:
    out: Path = arguments.out
    training, measured = out / "runs" / run.name, out / "measured" / run.name
    configured = out / "configurations" / f"{run.name}.yaml"
    asked = configuration(recipe, run, arguments.steps)
    if configured.exists() and yaml.safe_load(configured.read_text(encoding="utf-8")) != asked:
        raise SystemExit(f"{configured} is not what is asked for now: its run had another recipe or other --steps")
    if (measured / "metrics.json").exists():
        return
    print(f"{run.name}:", flush=True)
    configured.parent.mkdir(parents=True, exist_ok=True)
    configured.write_text(yaml.safe_dump(asked), encoding="utf-8")
    photos = [f"data.dataset.path={arguments.photos}"]
    if arguments.exclude is not None:
        photos.append(f"data.dataset.exclude={arguments.exclude}")
    _hcl("train", str(configured), *photos, "-o", str(training))
    shared = out / "manifest.json"  # the first draws it
    manifest = ["--manifest", str(shared)] if shared.exists() else []
    fields = ["dataset.use=folder", f"dataset.path={arguments.held_out}", "each=1", "resamples=1"]
    _hcl("benchmark", *fields, *manifest, "--weights", str(training / "weights"), "-o", str(measured))
    if not manifest:
        shared.write_bytes((measured / "manifest.json").read_bytes())


def _hcl(*arguments: str) -> None:
    done = subprocess.run([sys.executable, "-m", "hcl_sdk.cli", *arguments], check=False)
    if done.returncode:
        raise SystemExit(done.returncode)


def tables(out: Path, ways: list[str]) -> Iterator[str]:
    """What was found of each content, trained on all, on other photos alone, and without that content."""
    found = {path.parent.name: json.loads(path.read_text()) for path in (out / "measured").glob("*/metrics.json")}

    def of(content: str, measure: str, *trained: Run) -> list[float]:
        reports = [found[run.name] for run in trained if run.name in found]
        return [report["groups"]["content"][content][measure]["value"] for report in reports]

    for measure, called in (("f1", "F1"), ("average_precision", "average precision")):
        for contents, title in (("all", "all contents"), ("only-photo", "parts of other photos alone")):
            trained = {way: [Run(way, contents, seed) for seed in SEEDS] for way in ways}
            yield f"\nTrained on {title}: {called}, the mean over the seeds (least to greatest)\n"
            yield _header(["content", *ways])
            for content in CONTENTS:
                yield _line(content, [_spread(of(content, measure, *trained[way])) for way in ways])
            for overall in (measure, "calibration_error", "false_positive_area", "untouched"):
                reports = {way: [found[run.name] for run in trained[way] if run.name in found] for way in ways}
                values = [[report["overall"][overall]["value"] for report in reports[way]] for way in ways]
                yield _line(f"*{overall.replace('_', ' ')}, over all*", [_spread(v) for v in values])
        yield f"\nThe content left out of the training: {called} (as a share of that of the same seed with it in)\n"
        yield _header(["content", *ways])
        for left_out, names in LEFT_OUT.items():
            for content in names:
                cells = []
                for way in ways:
                    without = of(content, measure, Run(way, f"no-{left_out}", SEEDS[0]))
                    within = of(content, measure, Run(way, "all", SEEDS[0]))
                    share = f" ({without[0] / within[0]:.2f})" if without and within and within[0] else ""
                    cells.append(_spread(without) + share)
                yield _line(content, cells)


def _header(names: list[str]) -> str:
    return _line(names[0], names[1:]) + "\n" + "|---" * len(names) + "|"


def _line(name: str, cells: list[str]) -> str:
    return f"| {name} | {' | '.join(cells)} |"


def _spread(values: list[float]) -> str:
    if not values:
        return "-"
    return f"{mean(values):.3f}" + (f" ({min(values):.3f} to {max(values):.3f})" if len(values) > 1 else "")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("photos", type=Path)
    parser.add_argument("held_out", type=Path)
    parser.add_argument("-o", "--out", type=Path, required=True)
    parser.add_argument("--exclude", type=Path)
    parser.add_argument("--steps", type=int, default=400)
    parser.add_argument("--only", default="*", help="names of runs, such as 'bce_all_*'")
    arguments = parser.parse_args()
    recipe = yaml.safe_load((HERE / "recipe.yaml").read_text(encoding="utf-8"))
    for run in runs(list(recipe["ways"])):
        if fnmatch.fnmatch(run.name, arguments.only):
            train_and_measure(run, recipe, arguments)
    print("\n".join(tables(arguments.out, list(recipe["ways"]))))


if __name__ == "__main__":
    main()
