"""Measure the time that the default weights take to find damage and to fill it, and their memory.

python benchmarks/speed.py [--precision bf16] [--threads 2]

CPU seconds say more than seconds on a machine that does other things as well.
"""

from __future__ import annotations

import argparse
import platform
import resource
import statistics
import time
from collections.abc import Callable
from datetime import date
from functools import partial

import numpy as np
import torch

from hcl_sdk import Pipeline

SIZES = ((341, 256), (1365, 1024), (4000, 3000))
"""Width and height of the photos in which damage is found."""


def measure_medians(work: Callable[[], object], repeats: int) -> tuple[float, float]:
    """Return the median seconds and the median CPU seconds, after one call that does not count."""
    times = []
    for _ in range(repeats + 1):
        begin, cpu = time.perf_counter(), time.process_time()
        work()
        times.append((time.perf_counter() - begin, time.process_time() - cpu))
    seconds, cpu_seconds = zip(*times[1:], strict=True)
    return statistics.median(seconds), statistics.median(cpu_seconds)


def get_peak_mib() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--precision", choices=["no", "fp16", "bf16"], default="no")
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--weights", default="default")
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    pipeline = Pipeline.from_pretrained(arguments.weights, precision=arguments.precision)
    print(
        f"{platform.machine()}, {arguments.threads} threads, precision {arguments.precision}, {pipeline.device}, "
        f"torch {torch.__version__}, {date.today()}"
    )
    rng = np.random.default_rng(0)
    for width, height in SIZES:
        photo = rng.integers(0, 256, (height, width, 3), dtype=np.uint8)
        seconds, cpu = measure_medians(partial(pipeline.detect, photo), arguments.repeats)
        print(f"{width} x {height}: detection {seconds:.2f} s, {cpu:.2f} CPU s, peak memory {get_peak_mib():.0f} MiB")
    photo = rng.integers(0, 256, (256, 256, 3), dtype=np.uint8)
    mask = np.zeros((256, 256), dtype=bool)
    mask[64:192, 64:192] = True
    seconds, cpu = measure_medians(partial(pipeline.restore, photo, corruption_mask=mask), arguments.repeats)
    print(f"256 x 256, a quarter missing: restoration {seconds:.2f} s, {cpu:.2f} CPU s")


if __name__ == "__main__":
    main()
