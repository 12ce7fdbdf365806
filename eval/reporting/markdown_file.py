"""Tables that a command keeps up to date in a Markdown file, such as a README."""

from pathlib import Path

from genelm.storage import InputError, atomic_file


def table_marks(name: str) -> tuple[str, str]:
    """Return the two lines of a Markdown file between which a table is rendered."""
    return f"<!-- {name}:start -->", f"<!-- {name}:end -->"


def update_table(markdown_file: Path, table: str, *, name: str = "results") -> None:
    """Replace what stands between the lines `<!-- NAME:start -->` and `<!-- NAME:end -->` of a Markdown file.

    Args:
        markdown_file: the file.
        table: what is to stand there.
        name: of the two lines.

    Raises:
        InputError: the file cannot be read, or does not have each of the two lines once, in this order.
    """
    try:
        text = markdown_file.read_text(encoding="utf-8")
    except OSError as error:
        raise InputError(f"{markdown_file} cannot be read ({error.strerror}); give a Markdown file.") from None
    start, end = table_marks(name)
    before, _, rest = text.partition(start)
    _, _, after = rest.partition(end)
    if text.count(start) != 1 or text.count(end) != 1 or end not in rest:
        raise InputError(f"{markdown_file} must have the lines {start} and {end} once, in this order; add them.")
    with atomic_file(markdown_file) as temporary:
        temporary.write_text(f"{before}{start}\n{table.strip()}\n{end}{after}", encoding="utf-8")
