"""Saving and loading weights: ``config.json`` and ``model.safetensors`` in a folder, and the Hub.

Nothing is unpickled and weights contain no code: a configuration names components, which must be installed.
"""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save
from torch import nn
from torch.nn.modules.module import register_module_parameter_registration_hook

from hcl_sdk.errors import describe_value
from hcl_sdk.files import expand_home, is_special, open_whole, write_whole
from hcl_sdk.files.tensors import WEIGHTS, WeightsError, hash_tensors, read_header, read_tensors
from hcl_sdk.plugins import registry
from hcl_sdk.registry import UnknownNameError

CONFIG, CARD = "config.json", "README.md"
FORMAT = 1  # of a folder of weights: what config.json means and how tensors are named
_LISTED = 3  # misfits that an error names; there may be hundreds
_MAX_CONFIG = 10_000_000  # bytes
_FLOATS = (torch.float16, torch.bfloat16, torch.float32, torch.float64)


def find_weights(name: str | Path, *, revision: str | None = None) -> Path:
    """Find the folder of weights: an existing directory, else registered weights, else the Hugging Face Hub.

    Args:
        name: a directory, a registered name such as ``default``, or a repository ``org/name``; ``hub:org/name`` always
            means the Hub. A directory given by a bare name takes precedence over a registered name only if it contains
            a ``config.json``.
        revision: branch, tag or commit on the Hub.

    Raises:
        TypeError: if it is neither text nor a path.
        WeightsError: if it is none of these, or the download fails.
    """
    if not isinstance(name, str | os.PathLike):
        raise TypeError(f"weights are given by a folder or a name; got {describe_value(name)}")
    text = str(name)
    if not text.startswith("hub:"):
        folder = expand_home(name)
        is_local = isinstance(name, Path) or text.startswith((".", "~")) or os.path.isabs(text)
        is_path = is_local or "/" in text or os.sep in text
        if os.path.isfile(folder / CONFIG) or (is_path and os.path.isdir(folder)):
            return folder
        if is_local and not os.path.exists(folder):
            raise WeightsError(f"no such folder: {text}")
        if is_special(folder):
            raise WeightsError(f"{text} is not a folder; expected one written by save_pretrained or a name")
        try:
            source = registry.find_weights_source(text)
        except UnknownNameError as unknown:
            if os.path.isdir(folder):
                raise WeightsError(f"the folder {text!r} holds no {CONFIG}, and {unknown}") from None
            if os.path.isfile(folder):
                raise WeightsError(
                    f"{text} is a file; expected a folder written by save_pretrained or a name"
                ) from None
            if text.count("/") != 1:
                raise WeightsError(
                    f"expected a directory, the name of registered weights or org/name on the Hub; {unknown}"
                ) from None
            return _download(text, revision, also=str(unknown))
        if isinstance(source, Path):
            return source
        text = source
    return _download(text.removeprefix("hub:"), revision)


def read_config(folder: Path) -> dict[str, Any]:
    """Read the configuration in a folder of weights.

    Raises:
        WeightsError: if it is missing, is not a JSON object, or has the ``format`` of another version.
    """
    path = folder / CONFIG
    try:
        if is_special(path):
            raise WeightsError(f"{path} is not a regular file; expected JSON")
        if path.stat().st_size > _MAX_CONFIG:
            raise WeightsError(f"{path} has {path.stat().st_size:,} bytes; expected at most {_MAX_CONFIG:,}")
        config = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise WeightsError(f"{folder} holds no {CONFIG}; expected a folder written by save_pretrained") from None
    except OSError as error:
        raise WeightsError(f"{path} cannot be read: {error.strerror or error}") from None
    except WeightsError:
        raise
    except (ValueError, RecursionError) as error:  # not JSON, not UTF-8, a number of thousands of digits
        raise WeightsError(f"{path} is not JSON: {error}") from None
    if not isinstance(config, dict):
        raise WeightsError(f"{path} must hold a JSON object, got {type(config).__name__}")
    found = config.get("format", FORMAT)
    if isinstance(found, int) and found != FORMAT:
        raise WeightsError(
            f"{path}: expected format {FORMAT}, got {found}: another version of hcl_sdk wrote these weights"
        )
    return config


def load_weights(model: nn.Module, folder: Path, sha256: str | None = None) -> None:
    """Load ``model.safetensors`` from a folder; the name, shape and type of every tensor must match.

    Args:
        model: the model to load the weights into.
        folder: the folder of weights.
        sha256: the hash that the file must have, hexadecimal; None for any.

    Raises:
        WeightsError: if the file is missing or damaged, has another hash, or belongs to another architecture.
    """
    path = folder / WEIGHTS
    state = read_tensors(path)
    if sha256 is not None:
        _check_hash(path, sha256)
    wanted = model.state_dict()
    _check_fit(path, state, wanted)
    if lost := [name for name, tensor in state.items() if not tensor.to(wanted[name].dtype).isfinite().all()]:
        raise WeightsError(f"{path} holds NaN, infinity or values that overflow in {', '.join(lost)}")
    model.load_state_dict(state)


def check_sizes(make: Callable[[], nn.Module], folder: Path, sha256: Any = None) -> None:
    """Compare the tensors that a configuration requires with those in ``model.safetensors``, before allocating memory.

    The model is created without values (on the ``meta`` device), and with no more layers than the file could fit. A
    model that cannot be created that way is not compared here; :func:`load_weights` does so once it exists.

    Args:
        make: creates the model.
        folder: the folder of weights.
        sha256: the hash that the file must have; checked only if something does not match, to report that first.

    Raises:
        WeightsError: if the file is missing or damaged, or belongs to another architecture.
    """
    path = folder / WEIGHTS
    header = read_header(path)
    try:
        _check_fit(path, header, _make_empty(make, path, len(header)))
    except WeightsError:
        if isinstance(sha256, str):
            _check_hash(path, sha256)
        raise


def _make_empty(make: Callable[[], nn.Module], path: Path, tensors: int) -> Mapping[str, torch.Tensor] | None:
    """Return the state of a model without values; None if it cannot be created without them."""
    limit = 8 * tensors + 1000  # a component may try out layers before it creates them
    thread = threading.get_ident()
    made = 0

    def count(*_: Any) -> None:
        nonlocal made
        made += threading.get_ident() == thread
        if made > limit:
            raise _TooManyLayersError

    handle = register_module_parameter_registration_hook(count)
    why = ""
    try:
        with torch.device("meta"):
            return make().state_dict()
    except Exception as error:  # if the configuration is wrong, it is raised again when the model is made
        if isinstance(error, OverflowError | RuntimeError) and "overflow" in str(error).lower():
            why = "for impossibly large tensors"
        elif made > limit:
            why = f"for more than {limit}"
    finally:
        handle.remove()
    if why:
        raise WeightsError(
            f"{path} does not fit its configuration:\n  it holds {tensors} tensors, and the configuration asks {why}"
        )
    return None


class _TooManyLayersError(Exception):
    """The model has more layers than the file has tensors."""


def _check_hash(path: Path, sha256: str) -> None:
    if (found := hash_tensors(path)) != sha256.lower():
        raise WeightsError(
            f"{path} is not the file that {CONFIG} was written with: expected SHA-256 {sha256}, got {found}. Copy both "
            f"files again, or remove 'sha256' from {CONFIG} if the weights were changed on purpose"
        )


def _check_fit(path: Path, state: Mapping[str, torch.Tensor], wanted: Mapping[str, torch.Tensor] | None) -> None:
    if wanted is not None and (problems := _list_misfits(state, wanted)):
        some = problems[:_LISTED] + [f"and {len(problems) - _LISTED} more"] * (len(problems) > _LISTED)
        raise WeightsError(f"{path} does not fit its configuration:\n  " + "\n  ".join(some))


def _list_misfits(state: Mapping[str, torch.Tensor], wanted: Mapping[str, torch.Tensor]) -> list[str]:
    """List each tensor that is missing, unexpected, or of another shape or type."""
    lines = [f"missing: {name} {tuple(wanted[name].shape)}" for name in wanted if name not in state]
    lines += [f"unexpected: {name} {tuple(state[name].shape)}" for name in state if name not in wanted]
    for name in (name for name in wanted if name in state):
        expected, got = wanted[name], state[name]
        types = _FLOATS if expected.is_floating_point() else (expected.dtype,)
        if expected.shape != got.shape:
            lines.append(f"{name}: expected shape {tuple(expected.shape)}, got {tuple(got.shape)}")
        elif got.dtype not in types:
            names = " or ".join(str(dtype).removeprefix("torch.") for dtype in types)
            lines.append(f"{name}: expected {names}, got {str(got.dtype).removeprefix('torch.')}")
    return lines


def save_folder(folder: str | Path, config: Mapping[str, Any], model: nn.Module, card: str, *, half: bool) -> None:
    """Write the weights, the configuration with their hash, and a model card. An existing card is kept."""
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    state = {  # contiguous copies, because safetensors refuses weights that share memory
        name: (tensor.half() if half and tensor.is_floating_point() else tensor)
        .detach()
        .to("cpu", copy=True, memory_format=torch.contiguous_format)
        for name, tensor in model.state_dict().items()
    }
    if half and (lost := [name for name, tensor in state.items() if not tensor.isfinite().all()]):
        raise WeightsError(f"not finite in float16, save with half=False: {', '.join(lost)}")
    with open_whole(folder / WEIGHTS) as file:
        file.write(save(state, metadata={"format": "pt"}))  # save_file makes it private to its owner
    config = {**config, "sha256": hash_tensors(folder / WEIGHTS)}
    write_whole(folder / CONFIG, json.dumps(config, indent=2) + "\n")
    if not (folder / CARD).exists():
        write_whole(folder / CARD, card)


def upload(folder: Path, repo_id: str, *, private: bool | None, token: str | None, commit_message: str) -> str:
    """Upload a folder of weights to the Hub, creating the repository if needed; returns the URL of the commit."""
    from huggingface_hub import HfApi  # takes long to import

    api = HfApi(token=token)
    repo = api.create_repo(repo_id, private=private, exist_ok=True)
    return str(api.upload_folder(repo_id=repo.repo_id, folder_path=folder, commit_message=commit_message))


def _download(repo_id: str, revision: str | None, also: str = "") -> Path:
    from huggingface_hub import snapshot_download  # takes long to import

    try:
        return Path(snapshot_download(repo_id, revision=revision, allow_patterns=[CONFIG, WEIGHTS, CARD]))
    except Exception as error:  # every kind of network and Hub error, of several libraries
        hint = f"; nor is it registered here: {also}" if also else ""
        raise WeightsError(f"cannot get {repo_id!r} from the Hugging Face Hub: {error}{hint}") from error
