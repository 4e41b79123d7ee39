"""Which file and which folder imports which, and the circles among them."""

from __future__ import annotations

import ast
from collections.abc import Iterable
from pathlib import Path

Graph = dict[str, set[str]]


def module_name(path: Path, root: Path) -> str:
    """The name under which a file is imported."""
    parts = path.relative_to(root).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imported_modules(path: Path, name: str, known: set[str]) -> set[str]:
    """The modules among ``known`` that a file imports, inside functions and for types too."""
    package = name if path.name == "__init__.py" else name.rpartition(".")[0]
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            above = package.split(".")[: len(package.split(".")) - node.level + 1] if node.level else []
            base = ".".join([*above, *([node.module] if node.module else [])])
            # "from a.b import c" means the module a.b.c if there is one, else a name in a.b
            names = {f"{base}.{alias.name}" for alias in node.names}
            found |= names & known or {base}
            found |= {base} if names - known else set()
    return (found & known) - {name}


def file_graph(root: Path, packages: Iterable[str]) -> Graph:
    """The modules that each module of some packages imports."""
    files = {module_name(path, root): path for package in packages for path in (root / package).rglob("*.py")}
    return {name: imported_modules(path, name, set(files)) for name, path in files.items()}


def folder_graph(root: Path, packages: Iterable[str]) -> Graph:
    """The other folders from which the files that lie in each folder import."""
    files = {module_name(path, root): path for package in packages for path in (root / package).rglob("*.py")}
    folder = {name: path.parent.relative_to(root).as_posix() for name, path in files.items()}
    graph: Graph = {place: set() for place in folder.values()}
    for name, others in file_graph(root, packages).items():
        graph[folder[name]] |= {folder[other] for other in others} - {folder[name]}
    return graph


def circles(graph: Graph) -> list[set[str]]:
    """Sets of nodes each of which leads to every other (Kosaraju's algorithm, without recursion)."""

    def reach(start: str, edges: Graph, seen: set[str]) -> list[str]:
        """The nodes that a start leads to and that were not seen, each after all that it leads to."""
        order: list[str] = []
        stack = [(start, iter(sorted(edges[start])))]
        seen.add(start)
        while stack:
            node, rest = stack[-1]
            following = next((other for other in rest if other not in seen), None)
            if following is None:
                stack.pop()
                order.append(node)
            else:
                seen.add(following)
                stack.append((following, iter(sorted(edges[following]))))
        return order

    seen: set[str] = set()
    finished = [node for start in sorted(graph) if start not in seen for node in reach(start, graph, seen)]
    against: Graph = {node: set() for node in graph}
    for node, others in graph.items():
        for other in others:
            against[other].add(node)
    seen = set()
    parts = [set(reach(node, against, seen)) for node in reversed(finished) if node not in seen]
    return [part for part in parts if len(part) > 1]
