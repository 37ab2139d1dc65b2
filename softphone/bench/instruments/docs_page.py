"""`docs/benchmarks.md`: each benchmark writes its own section of it, between two marks, and leaves the others alone."""

import re
from pathlib import Path

from softphone.errors import SoftphoneError

PAGE = "benchmarks.md"
_HEAD = "# Benchmarks\n\nEach section is written by the command that it names.\n"


class DocsError(SoftphoneError):
    """The page cannot be written."""


def write_section(folder: Path, name: str, body: str, page_name: str = PAGE, head: str = _HEAD) -> Path:
    """Put `body` into the section `name` of the page in `folder`, in place of what was there; a new section goes to the end, and a new
    page begins with `head`.

    Raises DocsError.
    """
    page = folder / page_name
    begin, end = f"<!-- {name}: begin -->", f"<!-- {name}: end -->"
    section = f"{begin}\n{body.strip()}\n{end}"
    try:
        text = page.read_text() if page.exists() else head
        old = re.compile(re.escape(begin) + ".*?" + re.escape(end), re.DOTALL)
        text = old.sub(lambda _: section, text, count=1) if old.search(text) else f"{text.rstrip()}\n\n{section}\n"
        folder.mkdir(parents=True, exist_ok=True)
        page.write_text(text)
    except (OSError, UnicodeDecodeError) as error:
        raise DocsError(f"{page} cannot be written ({error}); name a folder with --docs") from None
    return page
