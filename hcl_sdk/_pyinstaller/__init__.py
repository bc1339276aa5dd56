"""Hooks for PyInstaller, which finds them through the entry point ``pyinstaller40``."""

from __future__ import annotations

from pathlib import Path


def list_hook_folders() -> list[str]:
    """List the folders with hooks for PyInstaller."""
    return [str(Path(__file__).parent)]
