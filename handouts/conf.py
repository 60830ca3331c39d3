"""Sphinx configuration of the handouts: Markdown (MyST), theme furo."""
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parent))
import ranks  # noqa: E402 (beside this file)

project = "Vitrine"
author = "The Vitrine authors"
copyright = "the Vitrine authors, MIT license"  # noqa: A001 (Sphinx wants this name)

extensions = ["myst_parser", "sphinx.ext.graphviz"]
myst_enable_extensions = ["colon_fence", "deflist", "fieldlist", "substitution"]
myst_heading_anchors = 3
source_suffix = {".md": "markdown"}
exclude_patterns = ["README.md"]

html_theme = "furo"
html_title = "Vitrine"
html_copy_source = False
html_show_sphinx = False
pygments_style = "friendly"
highlight_language = "cpp"


def _fill_in(_app, name, source):
    """What chapters take from the sources."""
    if name == "kernel/locking":
        source[0] = ranks.fill(source[0])


def setup(app):
    app.connect("source-read", _fill_in)
