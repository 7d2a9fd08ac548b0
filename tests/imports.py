"""Who imports whom in this project, read from its files; imports inside functions count too.

python -m tests.imports     prints the diagram of docs/imports.md
"""

from __future__ import annotations

import ast
from collections import Counter
from graphlib import TopologicalSorter
from pathlib import Path

ROOT = Path(__file__).parents[1]
ENTRY_POINTS = ("train", "evaluate", "ifgan_tf.predict")
_PACKAGES = ("ifgan_tf", "datasets", "export", "benchmarks")
_GENERATED = ROOT / "export" / "classify.py"

Graph = dict[str, set[str]]


def modules() -> Graph:
    """Every module of the project and the modules of the project that it imports."""
    files = [path for package in _PACKAGES for path in (ROOT / package).rglob("*.py") if path != _GENERATED]
    files += [ROOT / "train.py", ROOT / "evaluate.py"]
    names = {_name(path): path for path in files}
    return {name: _imported(path, set(names)) - {name} for name, path in names.items()}


def rooms() -> Graph:
    """The same by room: packages, entry points, the run folder, and `base`, the other modules beside the packages."""
    graph: Graph = {}
    for module, imported in modules().items():
        graph.setdefault(_room(module), set()).update({_room(other) for other in imported} - {_room(module)})
    return graph


def diagram() -> str:
    """A line a room, bottom up: every room imports only rooms above its line."""
    graph = rooms()
    order = list(TopologicalSorter({room: sorted(graph[room]) for room in sorted(graph)}).static_order())
    width = max(map(len, order))
    lines = [f"{room:{width}} → {', '.join(sorted(graph[room], key=order.index)) or '-'}" for room in order]
    return "\n".join(lines)


def shared_names() -> list[str]:
    """Names that two modules bear, those of the same part of every data set (its layout) left out."""
    parts = [module.split(".") for module in modules() if not module.startswith("benchmarks")]
    counts = Counter(part[-1] for part in parts if part[-1] not in _PACKAGES and part[-1] != "layout")
    return sorted(name for name, count in counts.items() if count > 1)


def _name(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


def _room(module: str) -> str:
    package, *inner = module.split(".")
    if package != "ifgan_tf" or module in ENTRY_POINTS or not inner:
        return module if module in ENTRY_POINTS else package
    is_room = (ROOT / package / inner[0]).is_dir() or inner[0] == "run_folder"
    return f"{package}.{inner[0]}" if is_room else "base"


def _imported(path: Path, names: set[str]) -> set[str]:
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            whole = {f"{node.module}.{alias.name}" for alias in node.names}
            found |= whole & names or {node.module}
    return found & names


if __name__ == "__main__":
    print(diagram())
