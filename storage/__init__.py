"""What all rooms share: whole files, checksums, provenance, the error for unusable input, what libraries are told."""

from .atomic import (
    atomic_file,
    atomic_folder,
    check_output_file,
    check_output_folder,
    give_usual_permissions,
    write_json,
)
from .environment import prepare_environment
from .errors import InputError, input_errors_end
from .formats import read_format
from .names import plain_name
from .provenance import package_versions, sha256_of, started_command

__all__ = [
    "InputError",
    "atomic_file",
    "atomic_folder",
    "check_output_file",
    "check_output_folder",
    "give_usual_permissions",
    "input_errors_end",
    "package_versions",
    "plain_name",
    "prepare_environment",
    "read_format",
    "sha256_of",
    "started_command",
    "write_json",
]
