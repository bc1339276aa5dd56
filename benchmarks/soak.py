"""Restore many photos of random sizes in one process, and print how its memory develops.

python benchmarks/soak.py [--photos 500]
"""

from __future__ import annotations

import argparse
import platform
from datetime import date

import numpy as np
import psutil

from hcl_sdk import Pipeline


def measure_memory() -> float:
    """Measure the resident memory of this process, in MiB."""
    return psutil.Process().memory_info().rss / 2**20


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--photos", type=int, default=500)
    parser.add_argument("--weights", default="default")
    arguments = parser.parse_args()
    pipeline = Pipeline.from_pretrained(arguments.weights)
    rng = np.random.default_rng(0)
    print(f"{platform.machine()}, {date.today()}")
    for i in range(arguments.photos + 1):
        if i % (arguments.photos // 5 or 1) == 0:
            print(f"after {i:5d} photos: {measure_memory():8.1f} MiB")
        height, width = rng.integers(1, 700, 2)
        pipeline(rng.integers(0, 256, (height, width, 3), dtype=np.uint8))


if __name__ == "__main__":
    main()
