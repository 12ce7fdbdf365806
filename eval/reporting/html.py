"""A Markdown report as one HTML page that needs nothing beside it."""

import base64
from collections.abc import Mapping
from itertools import pairwise
from pathlib import Path

from jinja2 import Environment, PackageLoader
from markdown_it import MarkdownIt
from markdown_it.token import Token


def render_page(markdown: str, plots: Mapping[str, Path]) -> str:
    """Return a report as HTML.

    Args:
        markdown: the report; its first heading is the title, its second-level headings make the contents.
        plots: as the report names them -> the SVG file that is put into the page.

    Returns:
        HTML with styles and plots in it.
    """
    reader = MarkdownIt("commonmark", {"html": False}).enable("table")
    tokens = reader.parse(markdown)
    title, contents = "", []
    for heading, text in pairwise(tokens):
        if heading.type == "heading_open" and heading.tag == "h1":
            title = text.content
        elif heading.type == "heading_open":
            anchor = "".join(letter if letter.isalnum() else "-" for letter in text.content.lower())
            heading.attrSet("id", anchor)
            contents.append((anchor, text.content))
    for token in tokens:
        for part in token.children or ():
            if part.type == "image":
                _embed(part, plots)
    body = reader.renderer.render(tokens, reader.options, {})
    body = body.replace("<table>", '<div class="wide"><table>').replace("</table>", "</table></div>")
    environment = Environment(loader=PackageLoader("genelm.eval"), autoescape=True)
    return environment.get_template("report.html").render(title=title, contents=contents, body=body)


def _embed(image: Token, plots: Mapping[str, Path]) -> None:
    name = str(image.attrGet("src"))
    if name in plots:
        image.attrSet("src", "data:image/svg+xml;base64," + base64.b64encode(plots[name].read_bytes()).decode())
