"""The one exception that means: what the user gave cannot be used."""


class InputError(Exception):
    """A file, an option or a config cannot be used.

    The message is complete in itself: it names the file, row or gene, what was found, what was expected and what to
    do. Commands print it without a traceback and exit with status 2; any other exception is a bug and keeps its
    traceback.
    """
