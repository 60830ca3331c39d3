"""Sphinx configuration of the handouts: Markdown (MyST), theme furo."""
project = "Vitrine"
author = "The Vitrine authors"
copyright = "the Vitrine authors, MIT license"  # noqa: A001 (Sphinx wants this name)

extensions = ["myst_parser"]
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
