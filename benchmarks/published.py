"""Measure how much of the processor's matrix rate the published network reaches.

    python benchmarks/published.py [--threads 1] [--precisions no bf16] [--repeats 3] [--parts]

Networks of the published configuration places256 (random weights; speed does not depend on them) find and fill one
photo of 256 x 256 pixels. Their matrix products and convolutions are counted; the *share* is the rate at which they are
done over that of plain matrix products of 2048 x 2048 in the same precision. Both take turns, and of each the best time
counts: processor seconds with one thread, which other programs on the machine hardly change; else wall seconds.
``--parts`` also prints the share of each part, in the order in which they run.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import platform
import time
from collections.abc import Callable
from datetime import date

import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from hcl_sdk import Pipeline
from hcl_sdk.interfaces import Detection
from hcl_sdk.published import get_preset
from hcl_sdk.runtime import Precision, autocast

SIDE = 256
PRODUCT = 2048
DTYPES = {"no": torch.float32, "bf16": torch.bfloat16}


def count_operations(work: Callable[[], object]) -> int:
    """Count the floating-point operations of matrix products and convolutions in a call."""
    with contextlib.redirect_stdout(io.StringIO()), FlopCounterMode(display=False) as counter:
        work()
    return counter.get_total_flops()


def measure(work: Callable[[], object], clock: Callable[[], float]) -> float:
    """Measure the seconds of a call."""
    begin = clock()
    work()
    return clock() - begin


def make_parts(pipeline: Pipeline, image: Tensor, mask: Tensor) -> dict[str, Callable[[], object]]:
    """Make a function of each part of a restoration."""
    detector, restorer = pipeline.detector, pipeline.restorer
    assert detector is not None
    assert restorer is not None
    detection: Detection = detector.encode_mask(image, mask)
    pyramid = detection.pyramid
    assert pyramid is not None
    fused = detector.interaction(pyramid)
    coarse = restorer.decode(pyramid, detection.masks, (SIDE, SIDE))  # pyright: ignore[reportCallIssue, reportAttributeAccessIssue]
    return {
        "encoder": lambda: detector.encoder(image),
        "interaction and head": lambda: detector.head(detector.interaction(pyramid)),
        "head": lambda: detector.head(fused),
        "decoder": lambda: restorer.decode(pyramid, detection.masks, (SIDE, SIDE)),  # pyright: ignore[reportCallIssue, reportAttributeAccessIssue]
        "refinement": lambda: restorer.refine(coarse, mask),  # pyright: ignore[reportCallIssue, reportAttributeAccessIssue]
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--precisions", nargs="+", choices=list(DTYPES), default=list(DTYPES))
    parser.add_argument("--parts", action="store_true")
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    clock = time.process_time if arguments.threads == 1 else time.perf_counter
    torch.manual_seed(0)
    pipeline = Pipeline.from_config(get_preset("places256"), device="cpu")
    detector, restorer = pipeline.detector, pipeline.restorer
    assert detector is not None
    assert isinstance(restorer, nn.Module)
    image = torch.rand(1, 3, SIDE, SIDE)
    mask = torch.zeros(1, 1, SIDE, SIDE, dtype=torch.bool)
    mask[..., SIDE // 4 : SIDE // 2, SIDE // 4 : SIDE // 2] = True
    works: dict[str, Callable[[], object]] = {"all": lambda: restorer(image, detector(image))}
    print(
        f"{platform.machine()}, {arguments.threads} threads, torch {torch.__version__}, {SIDE} x {SIDE}, best of "
        f"{arguments.repeats}, {date.today()}\n\n| precision | part | Gflop | s | Gflop/s | matrix rate | share |\n"
        "|---|---|---|---|---|---|---|"
    )
    with torch.inference_mode():
        if arguments.parts:
            works |= make_parts(pipeline, image, mask)
        flops = {name: count_operations(work) for name, work in works.items()}
        for precision in arguments.precisions:
            compare(works, flops, precision, arguments.repeats, clock)


def compare(
    works: dict[str, Callable[[], object]],
    flops: dict[str, int],
    precision: Precision,
    repeats: int,
    clock: Callable[[], float],
) -> None:
    """Measure all parts and the plain product in turns, and print a row for each part."""
    one, other = (torch.rand(PRODUCT, PRODUCT, dtype=DTYPES[precision]) for _ in range(2))
    best = dict.fromkeys(works, float("inf"))
    product = float("inf")
    with autocast(torch.device("cpu"), precision):
        for _ in range(repeats + 1):  # the first also allocates memory
            for name, work in works.items():
                product = min(product, measure(lambda: one @ other, clock))
                best[name] = min(best[name], measure(work, clock))
    rate = 2 * PRODUCT**3 / product
    for name, seconds in best.items():
        own = flops[name] / seconds
        print(
            f"| {precision} | {name} | {flops[name] / 1e9:.0f} | {seconds:.2f} | {own / 1e9:.0f} | {rate / 1e9:.0f} | "
            f"{own / rate:.0%} |"
        )


if __name__ == "__main__":
    main()
