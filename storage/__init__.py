"""What every room that touches a disk shares: atomic writes, checksums, provenance, the error for unusable input."""

from .atomic import atomic_file, atomic_folder, check_output_file, check_output_folder
from .errors import InputError
from .provenance import PACKAGES, package_versions, sha256_of, started_command

__all__ = [
    "PACKAGES",
    "InputError",
    "atomic_file",
    "atomic_folder",
    "check_output_file",
    "check_output_folder",
    "package_versions",
    "sha256_of",
    "started_command",
]
