"""Measure the time of the default weights on a 256 x 256 photo, and time and memory on a 4000 x 3000 one.

python benchmarks/speed.py [--precision bf16] [--threads 2]
"""

from __future__ import annotations

import argparse
import platform
import resource
import statistics
import time
from collections.abc import Callable
from datetime import date

import numpy as np
import torch

from hcl_sdk import Pipeline


def measure_median_ms(work: Callable[[], object], repeats: int) -> float:
    times = []
    for _ in range(repeats + 3):
        begin = time.perf_counter()
        work()
        times.append(1000 * (time.perf_counter() - begin))
    return statistics.median(times[3:])


def get_peak_mib() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--precision", choices=["no", "fp16", "bf16"], default="no")
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--repeats", type=int, default=20)
    parser.add_argument("--weights", default="default")
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    pipeline = Pipeline.from_pretrained(arguments.weights, precision=arguments.precision)
    print(
        f"{platform.machine()}, {arguments.threads} threads, precision {arguments.precision}, {pipeline.device}, "
        f"torch {torch.__version__}, {date.today()}"
    )
    rng = np.random.default_rng(0)
    photo = rng.integers(0, 256, (256, 256, 3), dtype=np.uint8)
    mask = np.zeros((256, 256), dtype=bool)
    mask[64:192, 64:192] = True
    detect = measure_median_ms(lambda: pipeline.detect(photo), arguments.repeats)
    restore = measure_median_ms(lambda: pipeline.restore(photo, corruption_mask=mask), arguments.repeats)
    print(f"256 x 256: detection {detect:.0f} ms, restoration {restore:.0f} ms (median of {arguments.repeats})")
    before = get_peak_mib()
    begin = time.perf_counter()
    pipeline(rng.integers(0, 256, (3000, 4000, 3), dtype=np.uint8))
    print(f"4000 x 3000: {time.perf_counter() - begin:.1f} s, peak memory {before:.0f} -> {get_peak_mib():.0f} MiB")


if __name__ == "__main__":
    main()
