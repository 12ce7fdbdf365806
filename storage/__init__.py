"""What all packages share: whole files, checksums, provenance, the error for unusable input, the machine around."""

from .atomic import (
    apply_umask,
    atomic_file,
    atomic_folder,
    check_output_file,
    check_output_folder,
    write_json,
)
from .compression import GZIP_MAGIC, open_bytes, open_text
from .environment import LOAD, OtherPrograms, prepare_environment, usable_cores
from .errors import InputError, OptionError, check_given_once, input_errors_end
from .formats import read_format
from .names import plain_name
from .provenance import package_versions, sha256_of, started_command

__all__ = [
    "GZIP_MAGIC",
    "LOAD",
    "InputError",
    "OptionError",
    "OtherPrograms",
    "apply_umask",
    "atomic_file",
    "atomic_folder",
    "check_given_once",
    "check_output_file",
    "check_output_folder",
    "input_errors_end",
    "open_bytes",
    "open_text",
    "package_versions",
    "plain_name",
    "prepare_environment",
    "read_format",
    "sha256_of",
    "started_command",
    "usable_cores",
    "write_json",
]
