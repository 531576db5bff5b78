"""Running the code of docs/notebook.md, block after block; `python -m` renews what it shows.

To renew, with DATABASE_URL naming a database that holds the drawn catalog, embedded by `compact`:
`python -m tests.analysts.notebook`.
"""

import io
import re
from contextlib import chdir, redirect_stdout
from pathlib import Path
from typing import Any, NamedTuple

import matplotlib

DOCS = Path(__file__).parents[2] / "docs"
PAGE = DOCS / "notebook.md"
CELL = re.compile(r"```python\n(?P<code>.*?)```(?:\n\n```text\n(?P<output>.*?)```)?", re.DOTALL)


class Cell(NamedTuple):
    """A block of code and what it prints."""

    code: str
    output: str


def cells() -> list[Cell]:
    """The page's blocks of code with the output that it shows."""
    page = PAGE.read_text(encoding="utf-8")
    return [Cell(found["code"], found["output"] or "") for found in CELL.finditer(page)]


def run(folder: Path) -> list[str]:
    """Run the page's code in a folder, in one namespace, and return what each block prints."""
    matplotlib.use("Agg")
    namespace: dict[str, Any] = {}
    outputs = []
    with chdir(folder):
        for number, cell in enumerate(cells(), start=1):
            printed = io.StringIO()
            with redirect_stdout(printed):
                exec(compile(cell.code, f"{PAGE.name}, block {number}", "exec"), namespace)  # noqa: S102
            # pandas pads its columns, editors strip what it pads with.
            outputs.append(re.sub(" +$", "", printed.getvalue(), flags=re.MULTILINE))
    namespace["plt"].close("all")
    namespace["engine"].dispose()
    return outputs


def renew() -> None:
    """Put into the page what its code prints and draws now."""
    outputs = iter(run(DOCS))

    def filled(found: re.Match[str]) -> str:
        output = next(outputs)
        block = f"```python\n{found['code']}```"
        return f"{block}\n\n```text\n{output}```" if output else block

    page = PAGE.read_text(encoding="utf-8")
    PAGE.write_text(CELL.sub(filled, page), encoding="utf-8")


if __name__ == "__main__":
    renew()
