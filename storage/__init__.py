"""What all rooms share: whole files, checksums, provenance, the error for unusable input, patient threads and bars."""

from .atomic import (
    atomic_file,
    atomic_folder,
    check_output_file,
    check_output_folder,
    give_usual_permissions,
    write_json,
)
from .errors import InputError, input_errors_end
from .formats import read_format
from .processors import share_processors
from .provenance import package_versions, sha256_of, started_command
from .terminal import rare_bars_in_files

__all__ = [
    "InputError",
    "atomic_file",
    "atomic_folder",
    "check_output_file",
    "check_output_folder",
    "give_usual_permissions",
    "input_errors_end",
    "package_versions",
    "rare_bars_in_files",
    "read_format",
    "sha256_of",
    "share_processors",
    "started_command",
    "write_json",
]
