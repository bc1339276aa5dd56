"""``run_page`` runs what a page says and notices what is not so."""

from __future__ import annotations

import traceback
from pathlib import Path

import pytest

from hcl_sdk.testing import read_blocks, run_page

PAGE = """# A page

```python
for i in range(2):
    print(name, i)
```

```text
a 0
...
```

<!-- test: setup
hidden = 3
-->

1. In a list:

   ```python
   print(hidden   + 1)
   ```

   ```text
   4
   ```

<!-- test: file=a.yaml exit=1 -->
```yaml
threshold: 0.5
```
"""


def write_page(folder: Path, text: str) -> Path:
    page = folder / "page.md"
    page.write_text(text, encoding="utf-8")
    return page


def test_blocks_have_their_language_code_line_and_options(tmp_path: Path) -> None:
    blocks = read_blocks(write_page(tmp_path, PAGE))
    assert [b.language for b in blocks] == ["python", "text", "setup", "python", "text", "yaml"]
    assert [b.code for b in blocks[2:4]] == ["hidden = 3\n", "print(hidden   + 1)\n"]
    assert blocks[5].options == {"file": "a.yaml", "exit": "1"}
    lines = PAGE.splitlines()
    assert [lines[b.line - 1] for b in blocks[:3]] == ["```python", "```text", "<!-- test: setup"]


def test_a_page_that_is_right_passes(tmp_path: Path) -> None:
    assert run_page(write_page(tmp_path, PAGE), {"name": "a"}) == 2
    assert [b.code for b in read_blocks(write_page(tmp_path, PAGE), "text")] == ["a 0\n...\n", "4\n"]


def test_differences_are_shown_with_their_line(tmp_path: Path) -> None:
    with pytest.raises(AssertionError, match=r"(?s)line 8: the page shows\na 0.*was printed:\nb 0\nb 1"):
        run_page(write_page(tmp_path, PAGE), {"name": "b"})


def test_a_page_that_shows_nothing_is_not_passed(tmp_path: Path) -> None:
    with pytest.raises(AssertionError, match="no block of text shows what the Python prints"):
        run_page(write_page(tmp_path, "```python\nprint(1)\n```\n\n```bash\nls\n```\n"))
    with pytest.raises(AssertionError, match="line 1: the page shows"):
        run_page(write_page(tmp_path, "```text\nwhat nobody printed\n```\n"))


def test_spaces_count(tmp_path: Path) -> None:
    with pytest.raises(AssertionError, match="but this was printed"):
        run_page(write_page(tmp_path, "```python\nprint('a  b')\n```\n\n```text\na b\n```\n"))


def test_an_invalid_option_is_an_error(tmp_path: Path) -> None:
    page = write_page(tmp_path, "a\n\n<!-- test: skip -->\n```python\n```\n")
    with pytest.raises(ValueError, match=r"page\.md:3: expected <!-- test: NAME=VALUE \.\.\. -->, got skip"):
        read_blocks(page)


def test_an_error_has_the_line_of_the_page(tmp_path: Path) -> None:
    page = write_page(tmp_path, "a\n\n```python\nx = 1\nx / 0\n```\n")
    with pytest.raises(ZeroDivisionError) as raised:
        run_page(page)
    last = traceback.extract_tb(raised.value.__traceback__)[-1]
    assert (last.filename, last.lineno) == (str(page), 5)
