"""Many photos: finding them, protecting them, resuming, writing results, reporting.

A plan (``plan``) says which photos are worked on and where their results go, from what is found (``inputs``) and what
is written (``outputs``); running it (``run``) gives a report (``report``). ``restore_folder`` and ``detect_folder`` do
both. The command line and hcl-ray are made of these; all errors are ordinary ones.
"""

from hcl_sdk.folders.errors import ArgumentError, NoPhotosError
from hcl_sdk.folders.inputs import Input, Inputs, find_inputs
from hcl_sdk.folders.outputs import Outputs, make_output_folder
from hcl_sdk.folders.plan import Plan, check_parts, make_plan
from hcl_sdk.folders.report import FolderReport, PhotoOutcome, explain_failure
from hcl_sdk.folders.run import detect_folder, restore_folder, run_plan

__all__ = [
    "ArgumentError",
    "FolderReport",
    "Input",
    "Inputs",
    "NoPhotosError",
    "Outputs",
    "PhotoOutcome",
    "Plan",
    "check_parts",
    "detect_folder",
    "explain_failure",
    "find_inputs",
    "make_output_folder",
    "make_plan",
    "restore_folder",
    "run_plan",
]
