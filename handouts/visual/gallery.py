"""The page that shows the pictures: one file beside them, nothing from elsewhere."""
import html

HEAD = """<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><title>Vitrine: memory</title>
<style>body { font-family: sans-serif; max-width: 800px; margin: 2em auto; padding: 0 1em; line-height: 1.4 }
img { max-width: 100%; height: auto } figure { margin: 2em 0 }
@media (prefers-color-scheme: dark) { body { background: #111418; color: #dfe3e8 } a { color: #8ab4f8 } }</style></head><body>
"""


def page(about: str, pictures: dict[str, str]) -> str:
    """`pictures`: what each shows, by file name."""
    links = " · ".join(f'<a href="#{name}">{html.escape(title)}</a>' for name, title in pictures.items())
    figures = "".join(f'<figure id="{name}"><img src="{name}.svg" alt="{html.escape(title)}">'
                      f'<figcaption><a href="{name}.svg">{name}.svg</a></figcaption></figure>\n'
                      for name, title in pictures.items())
    return f"{HEAD}<h1>Memory of a live kernel</h1>\n<p>{html.escape(about)}</p>\n<p>{links}</p>\n{figures}</body></html>\n"
