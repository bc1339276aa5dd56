"""The result of a pipeline for one photo: its value, how it is shown, and its files."""

from hcl_sdk.result._display import place_side_by_side
from hcl_sdk.result._result import Fill, Result, Suspect, list_kinds
from hcl_sdk.result._save import name_file, save_result

__all__ = ["Fill", "Result", "Suspect", "list_kinds", "name_file", "place_side_by_side", "save_result"]
