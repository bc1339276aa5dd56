"""Files of any content: recognizing, protecting and writing them; ``tensors`` reads those of weights."""

from hcl_sdk.files._paths import ProtectedFiles, expand_home, is_same_file, is_special, name_in_unicode
from hcl_sdk.files._writing import (
    check_writable,
    find_descriptor,
    make_output_folder,
    open_whole,
    remove_leftovers,
    write_whole,
)

__all__ = [
    "ProtectedFiles",
    "check_writable",
    "expand_home",
    "find_descriptor",
    "is_same_file",
    "is_special",
    "make_output_folder",
    "name_in_unicode",
    "open_whole",
    "remove_leftovers",
    "write_whole",
]
