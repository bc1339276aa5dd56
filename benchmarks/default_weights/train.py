"""Train the default weights from scratch: all stages of the detector and the restorer, joined into one folder.

    python benchmarks/default_weights/train.py PHOTOS TUNING ASIDE -o FOLDER --fonts F --film M --logos L [--share S]

PHOTOS is a folder of photos, ASIDE a text file with the names of those that are not trained on, TUNING one with those
of them that validations during training use. F is a folder of fonts, M one of masks of film damage, L one of logos.
Everything is kept in FOLDER, so that an interrupted run can be resumed. With S below 1, for a trial, every stage takes
only this share of its steps, in a folder of its own.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from string import Template

HERE = Path(__file__).parent


@dataclass(frozen=True)
class Stage:
    """A run of ``hcl train``: a recipe next to this file, with some fields changed.

    Attributes:
        name: the name of the stage, and of its folder.
        recipe: the file of the recipe.
        steps: the number of updates.
        after: the stage whose weights it starts from; empty for random ones.
        fields: fields of the recipe that differ, as ``key=value``.
        adaptation: what ``adapt.py`` does to these weights first; empty for nothing.
    """

    name: str
    recipe: str
    steps: int
    after: str = ""
    fields: tuple[str, ...] = ()
    adaptation: str = ""


STAGES = (
    Stage("detector_1", "detector_1.yaml", 2000),
    Stage("detector_2", "detector_2.yaml", 6500, after="detector_1"),
    Stage("detector_3", "detector_3.yaml", 5600, after="detector_2"),
    Stage("detector_4", "detector_4.yaml", 10284, after="detector_3", adaptation="anchor"),
    Stage(
        "detector_5",
        "detector_4.yaml",
        2400,
        after="detector_4",
        fields=(
            "optimization.lr=5e-4",
            "optimization.decay=cosine",
            "ema=0.995",
            "seed=3413",
            "validate_every=800",
        ),
    ),
    Stage("restorer", "restorer.yaml", 3000),
    Stage(
        "restorer_2",
        "restorer.yaml",
        2950,
        after="restorer",
        fields=(
            "data.dataset.shorter_side=512",
            "data.size=192",
            "data.min_scale=0.375",
            "optimization.lr=1.2e-3",
            "batch_size=7",
            "seed=3408",
        ),
    ),
    Stage("restorer_3", "restorer_3.yaml", 1232, after="restorer_2"),
    Stage("restorer_4", "restorer_4.yaml", 900, after="restorer_3"),
    Stage("restorer_5", "restorer_5.yaml", 2159, after="restorer_4", adaptation="widen-restorer"),
    Stage("restorer_6", "restorer_6.yaml", 800, after="restorer_5"),
)
LATER_STAGES = (
    Stage("detector_6", "detector_6.yaml", 3891, after="damage_head/run"),
    Stage("detector_8", "detector_8.yaml", 3700, after="detector_6"),
)
"""Stages that start from weights with a verdict and a damage head, which are trained as well."""

AVERAGED = "detector_8", "damage_head/run"
"""The stages whose weights are averaged."""

MARKS = Stage("detector_18", "detector_18.yaml", 1800, after="detail")
EVERYTHING = Stage("detector_19", "detector_19.yaml", 1900, after="half")
"""Stages whose weights are averaged with those before; ``half`` is the mean of those before and after the first."""

SHARES = {"detail": 0.45, "detector_19": 0.35, "detector_18": 0.2}
"""Shares in the mean that ships. The first finds parts of other photos best, the last watermarks."""

CALIBRATION = 3.0, 3.0, -8.0
"""For the verdict, chosen with the threshold on photos set aside: as much is found, fewer clean ones are flagged."""

FOLDERS = "fonts", "film", "logos"
"""The options that name the folders of what damage is drawn with."""

VERDICT_PHOTOS, DAMAGE_HEAD_STEPS, DETAIL_PHOTOS, STATISTICS_PHOTOS = 900, 700, 240, 600
DETAIL_SIZE = 1536
"""For the weights that ship. 2048 finds a little more, but takes nearly twice the time for large photos."""


def make_teaching_parser(description: str | None, *, count: int) -> argparse.ArgumentParser:
    """Make the parser of a script that teaches weights one more part, from ``count`` photos by default."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in ("weights", "photos", "aside"):
        parser.add_argument(name)
    parser.add_argument("-o", "--out", type=Path, required=True)
    add_folder_options(parser)
    parser.add_argument("--count", type=int, default=count, help="photos")
    return parser


def add_folder_options(parser: argparse.ArgumentParser) -> None:
    """Add the options for the folders of what damage is drawn with."""
    for name in FOLDERS:
        parser.add_argument(f"--{name}", required=True)


def read_folders(arguments: argparse.Namespace) -> dict[str, str]:
    """Return these folders by the names that recipes have for them."""
    return {name.upper(): str(Path(getattr(arguments, name)).resolve()) for name in FOLDERS}


def read_recipe(name: str, folders: Mapping[str, str]) -> str:
    """Read a recipe next to this file, and fill in the folders, which it names by ``FOLDERS`` in capitals."""
    return Template((HERE / name).read_text(encoding="utf-8")).substitute(folders)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("photos")
    parser.add_argument("tuning")
    parser.add_argument("aside")
    parser.add_argument("-o", "--out", type=Path, required=True)
    add_folder_options(parser)
    parser.add_argument("--share", type=float, default=1.0)
    arguments = parser.parse_args()
    photos = (
        f"data.dataset.path={arguments.photos}",
        f"data.dataset.exclude={arguments.aside}",
        f"validation.dataset.path={arguments.photos}",
        f"validation.dataset.only={arguments.tuning}",
    )
    folders = read_folders(arguments)
    out = arguments.out if arguments.share == 1 else arguments.out / f"share_{arguments.share:g}"
    out.mkdir(parents=True, exist_ok=True)
    drawn = [f"--{name}={getattr(arguments, name)}" for name in FOLDERS]

    def train(stage: Stage) -> None:
        fields = [*photos, *stage.fields, f"steps={max(1, round(stage.steps * arguments.share))}"]
        if stage.after:
            start = out / stage.after / "weights"
            if stage.adaptation:
                adapted = out / f"{stage.name}_start"
                run(str(HERE / "adapt.py"), stage.adaptation, str(start), str(adapted))
                start = adapted
            fields.append(f"pipeline={start}")
        recipe = out / f"{stage.name}.yaml"
        recipe.write_text(read_recipe(stage.recipe, folders), encoding="utf-8")
        run("-m", "hcl_sdk.cli", "train", str(recipe), *fields, "-o", str(out / stage.name))

    def teach(script: str, before: str, name: str, *options: str, aside: Sequence[str]) -> None:
        weights = str(out / before / "weights")
        run(str(HERE / script), weights, arguments.photos, *aside, "-o", str(out / name), *drawn, *options)

    def join(stages: Iterable[str], name: str, *options: str) -> None:
        weights = [str(out / stage / "weights") for stage in (*stages, "restorer_6")]
        run(str(HERE / "join.py"), *weights, str(out / name), *options)

    def count(photos: int, least: int) -> tuple[str, str]:
        return "--count", str(max(least, round(photos * arguments.share)))

    aside, known = (arguments.aside,), (arguments.tuning, arguments.aside)
    steps = "--steps", str(max(1, round(DAMAGE_HEAD_STEPS * arguments.share)))
    for stage in STAGES:
        train(stage)
    teach("verdict.py", "detector_5", "verdict", *count(VERDICT_PHOTOS, 32), aside=aside)
    teach("damage_head.py", "verdict", "damage_head", *steps, aside=known)
    for stage in LATER_STAGES:
        train(stage)
    join(AVERAGED, "mean/weights")
    teach("detail.py", "mean", "detail", *count(DETAIL_PHOTOS, 16), aside=aside)
    train(MARKS)
    join(("detail", MARKS.name), "half/weights")
    train(EVERYTHING)
    join(SHARES, "joined/weights", "--shares", *map(str, SHARES.values()))
    teach("batch_statistics.py", "joined", "statistics", *count(STATISTICS_PHOTOS, 30), aside=aside)
    teach("damage_head.py", "statistics", "kinds", *steps, aside=known)
    options = "--detail-size", str(DETAIL_SIZE), "--calibration", *map(str, CALIBRATION)
    join(["kinds/run"], "weights", *options)


def run(*arguments: str) -> None:
    """Run Python with these arguments; if that fails, end with its exit status."""
    done = subprocess.run([sys.executable, *arguments], check=False)
    if done.returncode:
        raise SystemExit(done.returncode)


if __name__ == "__main__":
    main()
