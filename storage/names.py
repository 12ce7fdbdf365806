"""Names that can stand anywhere: in files, repositories and FASTA."""

import re


def slugify(text: str) -> str:
    """Return a text with everything but ASCII letters, digits, `_`, `.` and `-` replaced by hyphens."""
    return re.sub(r"[^\w.-]+", "-", text, flags=re.ASCII)
