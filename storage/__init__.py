"""What all packages share: whole files, checksums, provenance, the error for unusable input, the machine around."""

from .atomic import (
    apply_umask,
    atomic_file,
    atomic_folder,
    check_output_file,
    check_output_folder,
    write_json,
)
from .compressed_files import compression_of, open_bytes, open_text, seekable_file
from .environment import LOAD, OtherPrograms, prepare_environment, usable_cores
from .errors import (
    GenelmError,
    InputError,
    OptionError,
    OutOfMemoryError,
    ServerError,
    TrainingError,
    check_given_once,
    exit_on_error,
)
from .formats import convert, read_format, read_object, write_format
from .messages import progress_bar, set_verbosity, show_messages, take_verbosity
from .names import slugify
from .provenance import command_line, package_versions, sha256_of

__all__ = [
    "LOAD",
    "GenelmError",
    "InputError",
    "OptionError",
    "OtherPrograms",
    "OutOfMemoryError",
    "ServerError",
    "TrainingError",
    "apply_umask",
    "atomic_file",
    "atomic_folder",
    "check_given_once",
    "check_output_file",
    "check_output_folder",
    "command_line",
    "compression_of",
    "convert",
    "exit_on_error",
    "open_bytes",
    "open_text",
    "package_versions",
    "prepare_environment",
    "progress_bar",
    "read_format",
    "read_object",
    "seekable_file",
    "set_verbosity",
    "sha256_of",
    "show_messages",
    "slugify",
    "take_verbosity",
    "usable_cores",
    "write_format",
    "write_json",
]
