#!/usr/bin/python3
"""Prints the handouts' single HTML page as a PDF:  pdf.py PAGE.html OUT.pdf

WeasyPrint lays the page out with the furo theme hidden (side bars, buttons) and page numbers added.
"""
import logging
import sys

import weasyprint

PRINT_STYLE = """
@page { size: A4; margin: 2.2cm 2cm; @bottom-center { content: counter(page); font-size: 9pt; } }
.sidebar-drawer, .toc-drawer, .mobile-header, .content-icon-container, .back-to-top,
.announcement, .related-pages, .skip-to-content, footer, label.overlay, svg { display: none !important; }
html, body { font-size: 10pt; color: black; background: white; }
.page, .main, .content, .article-container { display: block !important; width: auto !important;
    max-width: none !important; padding: 0 !important; margin: 0 !important; }
h1 { break-before: page; }
pre { white-space: pre-wrap; font-size: 8.5pt; }
"""


def main(page, output):
    logging.getLogger("weasyprint").setLevel(logging.ERROR)  # it knows only part of the theme's CSS
    style = weasyprint.CSS(string=PRINT_STYLE)
    weasyprint.HTML(filename=page).write_pdf(output, stylesheets=[style])


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    main(*sys.argv[1:])
