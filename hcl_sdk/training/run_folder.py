"""The folder of a run: its files, and whether a run may continue in it."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from PIL import Image
from tqdm import tqdm

from hcl_sdk.config import ConfigError, dump_yaml, load_yaml
from hcl_sdk.errors import escape
from hcl_sdk.files import is_special, make_output_folder, open_whole, remove_leftovers
from hcl_sdk.files.reports import LOG, PANELS, RUN
from hcl_sdk.pipeline import Pipeline
from hcl_sdk.registry import RegistryError
from hcl_sdk.training.checkpoints import (
    CheckpointError,
    clean_up,
    list_checkpoints,
    read_checkpoint,
    set_aside,
    write_checkpoint,
)
from hcl_sdk.training.errors import TrainingError
from hcl_sdk.training.recipe import FREE_KEYS, Recipe, describe_run, load_run


class RunFolder:
    """``training.yaml``, ``log.jsonl``, ``checkpoints/``, ``panels/`` and ``weights/`` of a run.

    Of several processes, only the first calls the methods that write.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.config, self.log = path / RUN, path / LOG
        self.checkpoints, self.panels, self.weights = path / "checkpoints", path / PANELS, path / "weights"

    def make(self) -> None:
        """Create the folder, and remove files that a killed process left incomplete.

        Raises:
            OSError: if files cannot be written to it.
            TrainingError: if a pipe or a device is where a file is to be written: opening it may take forever.
        """
        make_output_folder(self.path)
        for file in (self.config, self.log):
            if is_special(file):
                raise TrainingError(f"{file} is not a regular file; choose another folder")
        clean_up(self.checkpoints)
        for folder in (self.path, self.panels):
            remove_leftovers(folder)

    def check_same_run(self, description: dict[str, Any]) -> None:
        """Raise `TrainingError` if the folder holds a run of another configuration."""
        if not self.config.is_file() or not list_checkpoints(self.checkpoints):
            return
        stored = load_yaml(self.config)
        if _list_differences(stored, description) and (differing := _list_differences(_complete(stored), description)):
            raise TrainingError(
                f"{self.path} holds a run of another configuration; use that one again, or choose another folder. "
                f"It differs in:\n  " + "\n  ".join(differing)
            )

    def write_config(self, description: dict[str, Any]) -> None:
        """Write the configuration."""
        _replace(self.config, dump_yaml(description).encode())

    def find_intact(self) -> Path | None:
        """Find the newest intact checkpoint; name damaged ones after it and set them aside. None if there is none.

        Raises:
            TrainingError: if all are damaged: starting over would overwrite the run.
        """
        problems: list[tuple[Path, str]] = []
        for path in reversed(list_checkpoints(self.checkpoints)):
            try:
                read_checkpoint(path)
            except CheckpointError as error:
                problems.append((path, str(error)))
                continue
            for damaged, why in problems:
                aside = set_aside(damaged)
                message = f"{why}; it is now {aside.name}, and the run resumes from {path.name}"
                tqdm.write(escape(message), file=sys.stderr)
            return path
        if problems:
            raise TrainingError(
                f"{'; '.join(why for _, why in problems)}. None is left; choose another folder to start over, or "
                f"delete {self.checkpoints}"
            )
        return None

    def save(self, step: int, state: dict[str, Any], *, keep: int) -> None:
        """Write a checkpoint; OSError if it cannot be written."""
        write_checkpoint(self.checkpoints, step, state, keep=keep)

    def name_last_checkpoint(self) -> str:
        """Describe for messages which checkpoint is the last."""
        saved = list_checkpoints(self.checkpoints)
        return f"the last checkpoint is {saved[-1]}" if saved else "no checkpoint was written yet"

    def append_log(self, line: dict[str, Any]) -> None:
        """Append a line to the log."""
        try:
            with self.log.open("a", encoding="utf-8") as file:
                file.write(json.dumps(line) + "\n")
        except OSError as error:  # of a full disk, without its name
            raise OSError(f"{self.log} cannot be written: {error.strerror or error}") from error

    def cut_log(self, step: int) -> None:
        """Drop the lines of steps that a killed process logged but did not save, and an incomplete last line."""
        if self.log.is_file():
            lines = (json.dumps(line) + "\n" for line in self._log_lines() if line["step"] <= step)
            _replace(self.log, "".join(lines).encode())

    def is_validated(self, step: int) -> bool:
        """Whether the log has a line for the validation after a step."""
        return any(
            line["step"] == step and any(k.startswith("validation/") for k in line) for line in self._log_lines()
        )

    def save_panel(self, step: int, panel: Image.Image) -> None:
        """Write a panel of the pipeline's results after a step."""
        self.panels.mkdir(exist_ok=True)
        path = self.panels / f"step-{step:08d}.jpg"
        with open_whole(path) as file:
            panel.save(file, "JPEG", quality=90)

    def _log_lines(self) -> list[dict[str, Any]]:
        if not self.log.is_file():
            return []
        found = []
        for text in self.log.read_bytes().splitlines():
            try:
                line = json.loads(text)
            except (ValueError, RecursionError):
                continue  # an incomplete line from a killed process, or something that training did not write
            if isinstance(line, dict) and isinstance(line.get("step"), int):
                found.append(line)
        return found


def describe_if_possible(pipeline: Pipeline, recipe: Recipe) -> dict[str, Any] | None:
    """Describe the run as a mapping; None if data or losses were created in code and have no names.

    Raises:
        RegistryError: if a part of the pipeline is not registered.
    """
    pipeline.to_config()  # an unregistered part is an error now, not after hours
    try:
        return describe_run(pipeline, recipe)
    except (RegistryError, TypeError, ValueError):
        return None


def _replace(path: Path, contents: bytes) -> None:
    """Write a file atomically."""
    with open_whole(path) as file:
        file.write(contents)


def _complete(stored: dict[str, Any]) -> dict[str, Any]:
    """Complete the description of a run with the defaults of fields that an earlier version of the package lacked."""
    try:
        return describe_run(*load_run(stored, device="cpu"))
    except (ConfigError, RegistryError):
        return stored


def _list_differences(before: dict[str, Any], now: dict[str, Any], path: str = "") -> list[str]:
    found = []
    for key in dict.fromkeys((*before, *now)):
        where = f"{path}{key}"
        old, new = before.get(key), now.get(key)
        if old == new or (not path and key in FREE_KEYS) or where == "data.workers":
            continue
        if isinstance(old, dict) and isinstance(new, dict):
            found += _list_differences(old, new, f"{where}.")
        else:
            found.append(f"{where}: was {old!r}, is {new!r}")
    return found
