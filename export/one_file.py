"""Writes export/classify.py, the one file for a device, out of the modules that it is made of.

    python -m export.one_file

Where `ifgan_tf/recognition/device.py` imports something of the project, the module itself is put, and so on for what
that one imports: each once, in the order of imports, without its docstring. All else stays as it is written.
"""

from __future__ import annotations

import ast
import re
from pathlib import Path

ROOT = Path(__file__).parents[1]
SOURCE, TARGET = ROOT / "ifgan_tf" / "recognition" / "device.py", ROOT / "export" / "classify.py"
_HEADER = "# Made by python -m export.one_file. Do not change this file, but what it is made of:"


def one_file() -> str:
    """The text of `TARGET`."""
    seen: list[Path] = []
    lines = _inlined(SOURCE, seen)
    parts = "".join(f"\n#   {path.relative_to(ROOT).as_posix()}" for path in seen)
    text = re.sub(r"\n{4,}", "\n\n\n", "\n".join(lines).rstrip() + "\n")
    return f"{_HEADER}{parts}\n{text}"


def _inlined(path: Path, seen: list[Path]) -> list[str]:
    """The lines of a module with the project's modules in the place of their imports.

    Args:
      path: of the module.
      seen: modules that are there already; this one and its own are added.
    """
    seen.append(path)
    text = path.read_text(encoding="utf-8")
    lines, result, done = text.splitlines(), [], 0
    for node in ast.parse(text).body:
        result += lines[done : node.lineno - 1]
        done = node.end_lineno or node.lineno
        module = (isinstance(node, ast.ImportFrom) and node.module) or ""
        if module.partition(".")[0] == "ifgan_tf":
            if (part := _file(module)) not in seen:
                result += ["", f"# --- {part.relative_to(ROOT).as_posix()}", "", *_inlined(part, seen), ""]
        elif len(seen) == 1 or not (module == "__future__" or _is_text(node)):
            result += lines[node.lineno - 1 : done]
    return result + lines[done:]


def _file(module: str) -> Path:
    path = ROOT.joinpath(*module.split("."))
    return path / "__init__.py" if path.is_dir() else path.with_suffix(".py")


def _is_text(node: ast.stmt) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)


if __name__ == "__main__":
    TARGET.write_text(one_file(), encoding="utf-8")
