"""Compare the time of a folder run with that of the pipeline alone.

    python benchmarks/folders.py [--photos 8] [--size 4000x3000] [--workers 0 2] [--repeats 3]

The same photos (JPEG, with one flat patch each) are processed by the pipeline alone, on a photo in memory and without
saving the results; and in folder runs with each number of threads for reading and writing in ``--workers``. The ways
take turns in one process. The table shows the best wall time of each, and the best CPU time of the thread that runs the
networks, with their ratios to the pipeline alone. Where a processor is free for reading and writing, the wall time
becomes that CPU time.
"""

from __future__ import annotations

import argparse
import os
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import date
from pathlib import Path

import numpy as np
import torch

from hcl_sdk import Photo, Pipeline, restore_folder
from hcl_sdk.runtime import count_processors


def measure(work: Callable[[], object]) -> np.ndarray:
    """Measure the wall seconds, and the CPU seconds of this thread: ``[2]``."""
    begin = time.perf_counter(), time.thread_time()
    work()
    return np.array([time.perf_counter() - begin[0], time.thread_time() - begin[1]])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--photos", type=int, default=8)
    parser.add_argument("--size", default="4000x3000")
    parser.add_argument("--workers", type=int, nargs="+", default=[0, 2])
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--threads", type=int, default=1, help="for the networks")
    parser.add_argument("--weights", default="default")
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    pipeline = Pipeline.from_pretrained(arguments.weights)
    with tempfile.TemporaryDirectory() as folder:
        photos = Path(folder, "photos")
        photos.mkdir()
        make = [sys.executable, Path(__file__).with_name("scale.py"), "--sizes", arguments.size, "--make"]
        subprocess.run([*make, photos / "0.jpg"], check=True)
        for i in range(1, arguments.photos):
            os.link(photos / "0.jpg", photos / f"{i}.jpg")
        opened = Photo.open(photos / "0.jpg")

        def run_pipeline() -> None:
            for _ in range(arguments.photos):
                pipeline(opened)

        def run_folder(workers: int) -> Callable[[], object]:
            return lambda: restore_folder(photos, Path(folder, "out"), pipeline=pipeline, workers=workers)

        pipeline(opened)  # the first call takes longer
        ways = {"pipeline alone": run_pipeline} | {f"--workers {n}": run_folder(n) for n in arguments.workers}
        best = {name: np.full(2, np.inf) for name in ways}
        for _ in range(arguments.repeats):
            for name, work in ways.items():
                best[name] = np.minimum(best[name], measure(work))
    print(
        f"{platform.machine()}, {count_processors()} processors, {arguments.threads} threads for the networks, "
        f"{arguments.photos} photos of {arguments.size}, best of {arguments.repeats}, {date.today()}\n"
    )
    print("| way | wall s | ratio | CPU s of the networks' thread | ratio |\n|---|---|---|---|---|")
    wall, own = best["pipeline alone"]
    for name, (seconds, cpu) in best.items():
        print(f"| {name} | {seconds:.1f} | {seconds / wall:.2f} | {cpu:.1f} | {cpu / own:.2f} |")


if __name__ == "__main__":
    main()
