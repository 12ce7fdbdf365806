"""The version of genelm that is installed."""

from importlib.metadata import version

__version__ = version("genelm")
