"""Screens are compared with pictures (SVG) of themselves; `pytest --snapshot-update` takes new ones: look at them before you keep them."""

from pytest_textual_snapshot import SVGImageExtension

# pytest-textual-snapshot sets the name that syrupy had before version 5; without this the pictures would end in .raw.
SVGImageExtension.file_extension = "svg"
