"""What every room that touches a disk shares: atomic writes, checksums, provenance, the error for unusable input."""

from .atomic import atomic_file, atomic_folder, check_replaceable
from .errors import InputError
from .provenance import PACKAGES, package_versions, sha256_of, started_command

__all__ = [
    "PACKAGES",
    "InputError",
    "atomic_file",
    "atomic_folder",
    "check_replaceable",
    "package_versions",
    "sha256_of",
    "started_command",
]
