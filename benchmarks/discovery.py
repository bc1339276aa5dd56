"""Compare how long hcl_sdk takes to find plugins with what Python itself takes to read entry points.

    python benchmarks/discovery.py [--packages N] [--plugins N] [--repeats N]

Writes the metadata of packages to a temporary folder, in addition to those installed, and measures two functions in
turn in one process, with Python's caches of metadata cleared before each: ``entry_points(group="hcl_sdk")`` of
``importlib.metadata``, and ``find_entry_points`` of hcl_sdk, which also tells the package of each entry point and copes
with broken ones. Prints the median CPU time of each, which other programs hardly affect, and the ratio.
"""

from __future__ import annotations

import argparse
import importlib.metadata
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from hcl_sdk.plugins._entry_points import GROUP, find_entry_points


def install_packages(folder: Path, packages: int, plugins: int) -> None:
    """Write the metadata of packages; the first are plugins, the others have one command each."""
    for number in range(packages):
        name = f"package-{number:04d}"
        info = folder / f"{name.replace('-', '_')}-1.0.dist-info"
        info.mkdir()
        description = "A line of the description, as long as most of them are.\n" * 200
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n\n{description}")
        group = GROUP if number < plugins else "console_scripts"
        (info / "entry_points.txt").write_text(f"[{group}]\npoint = module_{number}\n")


def measure(function: Callable[[], object]) -> float:
    """Measure the CPU seconds of a call with Python's caches of metadata cleared."""
    importlib.metadata.MetadataPathFinder().invalidate_caches()
    start = time.process_time()
    function()
    return time.process_time() - start


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--packages", type=int, default=100)
    parser.add_argument("--plugins", type=int, default=5)
    parser.add_argument("--repeats", type=int, default=101)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        install_packages(Path(folder), options.packages, options.plugins)
        sys.path.append(folder)
        ours, python = [], []
        for _ in range(options.repeats):
            python.append(measure(lambda: importlib.metadata.entry_points(group=GROUP)))
            ours.append(measure(find_entry_points))
        found = len(find_entry_points())
        installed = len(list(importlib.metadata.distributions()))
    print(f"{installed} packages, {found} entry points of the group {GROUP}, median of {options.repeats}")
    print(f"importlib.metadata.entry_points  {1000 * statistics.median(python):7.2f} ms")
    print(f"hcl_sdk's find_entry_points      {1000 * statistics.median(ours):7.2f} ms")
    ratios = [own / theirs for own, theirs in zip(ours, python, strict=True)]
    print(f"ratio                            {statistics.median(ratios):7.2f}")


if __name__ == "__main__":
    main()
