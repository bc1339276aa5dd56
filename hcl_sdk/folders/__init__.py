"""Processing many photos: finding them, protecting them, resuming, writing results, reporting.

A plan (``plan``) combines the photos found (``inputs``) with the files to write (``outputs``); running it (``run``)
returns a report (``report``). ``restore_folder`` and ``detect_folder`` do both. The command line and hcl-ray are built
on these; all errors are ordinary exceptions.
"""

from hcl_sdk.files import make_output_folder
from hcl_sdk.folders.errors import ArgumentError, NoPhotosError
from hcl_sdk.folders.inputs import Input, Inputs, find_inputs
from hcl_sdk.folders.outputs import Outputs
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
