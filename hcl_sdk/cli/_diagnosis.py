"""Facts about the machine and the installed packages, for ``hcl doctor``."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import os
import platform
import shutil
import sys
from collections.abc import Iterator

import click
import torch
from packaging.requirements import Requirement

from hcl_sdk._version import __version__
from hcl_sdk.cli._listing import describe_plugins, find_faults
from hcl_sdk.cli._tables import Table
from hcl_sdk.errors import describe_error
from hcl_sdk.plugins import registry
from hcl_sdk.registry import BUILTIN_DISTRIBUTION
from hcl_sdk.runtime import count_processors, explain_crowding

_OPTIONAL = {
    "imagecodecs": "compressed 16-bit TIFF",
    "pillow-heif": "HEIC",
    "xformers": "attention on a GPU",
    "onnxruntime": "hcl-onnx",
    "torchvision": "hcl evaluate with LPIPS",
}
_VARIABLES = ("HCL_", "HF_HUB_OFFLINE", "CUDA_VISIBLE_DEVICES", "OMP_NUM_THREADS", "MKL_NUM_THREADS", "WORLD_SIZE")


def diagnose() -> tuple[Table, Table, list[str]]:
    """Collect facts about the machine and the plugins, and list what is wrong."""
    problems = [*_check_requirements(), *_check_machine(), *_check_plugins(), *_check_default_weights()]
    return Table(rows=list(_list_facts())), describe_plugins(), problems


def _list_facts() -> Iterator[tuple[str, str]]:
    yield "hcl_sdk", __version__
    yield "python", f"{platform.python_version()}, {sys.executable}"
    yield "system", platform.platform()
    names = _list_required("hcl_sdk")
    yield "packages", ", ".join(f"{name} {_find_version(name) or '(not installed)'}" for name in names)
    there = {name: _find_version(name) for name in _OPTIONAL}
    yield "optional", ", ".join(f"{name} {version}" for name, version in there.items() if version) or "none"
    absent = [f"{name} ({purpose})" for name, purpose in _OPTIONAL.items() if not there[name]]
    if absent:
        yield "not installed", ", ".join(absent)
    threads = torch.get_num_threads()
    uses = f"PyTorch uses {threads} {'thread' if threads == 1 else 'threads'}"
    yield "processors", f"{count_processors()} usable of {os.cpu_count()}; {uses}"
    yield "devices", ", ".join(_list_devices())
    yield "torch", f"{torch.__version__}, built for {_describe_build()}"
    variables = {name: value for name, value in sorted(os.environ.items()) if name.startswith(_VARIABLES)}
    yield "environment", ", ".join(f"{name}={value}" for name, value in variables.items()) or "nothing of note"


def say_crowding(device: torch.device) -> None:
    """Print a warning if there are more threads than processors."""
    if why := explain_crowding(device):
        click.echo(f"Warning: {why}", err=True)


def _list_devices() -> Iterator[str]:
    yield "cpu"
    if not torch.accelerator.is_available():
        return
    accelerator = torch.accelerator.current_accelerator()
    assert accelerator is not None
    for i in range(torch.accelerator.device_count()):
        if accelerator.type == "cuda":
            own = torch.cuda.get_device_properties(i)
            yield f"cuda:{i} ({own.name}, {own.total_memory / 2**30:.0f} GiB)"
        else:
            yield f"{accelerator.type}:{i}"


def _describe_build() -> str:
    if torch.version.cuda:
        return f"CUDA {torch.version.cuda}"
    hip = getattr(torch.version, "hip", None)
    return f"ROCm {hip}" if hip else "CPU" if not torch.backends.mps.is_built() else "CPU and MPS"


def _list_required(package: str) -> list[str]:
    """List the requirements of a package, without its extras; none if it is not installed."""
    return [requirement.name for requirement in _read_requirements(package)]


def _read_requirements(package: str) -> list[Requirement]:
    try:
        lines = importlib.metadata.requires(package) or []
    except importlib.metadata.PackageNotFoundError:
        return []
    found = [Requirement(line) for line in lines]
    return [r for r in found if r.marker is None or r.marker.evaluate({"extra": ""})]


def _find_version(package: str) -> str | None:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None


def _check_requirements() -> Iterator[str]:
    packages = ["hcl_sdk", *(r.distribution for r in registry.plugins if r.distribution != BUILTIN_DISTRIBUTION)]
    for package in dict.fromkeys(packages):
        for requirement in _read_requirements(package):
            version = _find_version(requirement.name)
            if version is None:
                yield f"{package} needs {requirement}, which is not installed"
            elif not requirement.specifier.contains(version, prereleases=True):
                yield f"{package} needs {requirement}, and {version} is installed"


def _check_machine() -> Iterator[str]:
    if shutil.which("nvidia-smi") and not torch.version.cuda:
        yield "there seems to be an NVIDIA GPU, but this PyTorch was built without CUDA: install its CUDA build"
    elif torch.version.cuda and shutil.which("nvidia-smi") and not torch.cuda.is_available():
        yield "PyTorch was built with CUDA but finds no GPU: is CUDA_VISIBLE_DEVICES empty, or the driver too old?"
    if why := explain_crowding(torch.device("cpu")):
        yield why


def _check_plugins() -> Iterator[str]:
    yield from (f"the plugin {r.distribution} is broken: {r.error}" for r in registry.plugins if r.status == "broken")
    yield from (message for _, message in find_faults(registry.list_entries()))


def _check_default_weights() -> Iterator[str]:
    from hcl_sdk.pipeline import Pipeline

    try:
        Pipeline.from_pretrained("default", device="cpu")
    except Exception as error:  # any error: users of ``hcl doctor`` want to see it
        yield f"the default weights cannot be loaded: {describe_error(error)}"
