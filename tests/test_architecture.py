"""The order of packages: who may import whom, and that nothing goes in circles. See docs/architecture.md."""

import ast
import re
from graphlib import TopologicalSorter
from pathlib import Path
from statistics import median

import pytest

from tools.structure import lines_of, modules

ROOT = Path(__file__).parents[1]
CORE = ROOT / "animatex_core"
# A package may import those of its own layer, but not in a circle, and those of the layers before it.
LAYERS = (
    {"", "errors", "assets"},  # "" is the version
    {"utils"},
    {"hub", "checkpoints"},
    {"diffusion", "encoders", "pose", "motion", "video"},
    {"retarget", "puppet", "cutout", "sprites", "loops"},
    {"driving", "driving_motion", "driving_loop", "reference"},
    {"animate_x"},
    {"animate_x_plus"},
    {"systems"},
    {"training", "evaluation", "batch"},
    {"cli"},
)
NOT_CORE = {"comfy", "comfy_api", "comfy_execution", "comfy_extras", "folder_paths", "nodes", "server"}
HIGHEST_OF_NODES = LAYERS.index({"animate_x_plus"})

Graph = dict[str, set[str]]


def module_name(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {module_name(path): path for path in CORE.rglob("*.py")}


def imported(path: Path) -> set[str]:
    """Return full names of everything that a file imports anywhere, symbols included."""
    names = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            names |= {f"{source(node, path)}.{alias.name}" for alias in node.names}
    return names


def source(node: ast.ImportFrom, path: Path) -> str:
    if not node.level:
        return node.module or ""
    package = path.relative_to(ROOT).parent.parts
    return ".".join((*package[: len(package) - node.level + 1], *filter(None, [node.module])))


def modules_of(names: set[str]) -> set[str]:
    """Return the modules of the core that names are, or lie in."""
    return {name if name in MODULES else name.rpartition(".")[0] for name in names} & MODULES.keys()


# The public names of the package itself are imported when they are used.
GRAPH: Graph = {
    name: modules_of(imported(path)) - {name} if "." in name else set() for name, path in MODULES.items()
}


def package(module: str) -> str:
    """Return the part below `animatex_core` that a module belongs to."""
    return module.split(".")[1] if "." in module else ""


def layer(module: str) -> int:
    return next(number for number, names in enumerate(LAYERS) if package(module) in names)


def grouped(graph: Graph, depth: int) -> Graph:
    """Return the graph of packages `depth` names deep; a package and those within it count as one there."""

    def group(module: str) -> str:
        parts = module.split(".")
        is_package = MODULES[module].name == "__init__.py" or len(parts) == 2
        return ".".join((parts if is_package else parts[:-1])[:depth])

    result: Graph = {}
    for module, others in graph.items():
        result.setdefault(group(module), set()).update(group(other) for other in others)
    return {name: others - {name} for name, others in result.items()}


def circle(graph: Graph) -> list[str]:
    """Return a circle of a graph, empty where there is none."""
    sorter = TopologicalSorter(graph)
    try:
        sorter.prepare()
    except ValueError as error:  # CycleError is one
        return list(error.args[1])
    return []


ORDERED = {name: others for name, others in GRAPH.items() if package(name) != "__main__"}


def test_the_graph_is_of_the_real_imports() -> None:
    assert "animatex_core.animate_x.conditioning" in GRAPH["animatex_core.animate_x.pipeline"]
    assert circle({"a": {"b"}, "b": {"a"}})
    assert len(GRAPH) > 200


def test_modules_import_only_from_their_layer_and_those_before_it() -> None:
    upward = {
        (name, other) for name, others in ORDERED.items() for other in others if layer(other) > layer(name)
    }
    assert not upward


@pytest.mark.parametrize("depth", [2, 3])
def test_packages_do_not_import_each_other_in_circles(depth: int) -> None:
    found = grouped(ORDERED, depth)
    if depth == 3:  # what lies directly in a package may use what lies in the packages within it, and be used
        found = {
            name: {other for other in others if not nested(name, other)} for name, others in found.items()
        }
    assert circle(found) == []


def nested(one: str, other: str) -> bool:
    return one.startswith(f"{other}.") or other.startswith(f"{one}.")


def test_modules_do_not_import_each_other_in_circles() -> None:
    assert circle(GRAPH) == []


def test_the_library_does_not_import_its_command_line() -> None:
    users = {name for name, others in GRAPH.items() if any(package(other) == "cli" for other in others)}
    assert {name for name in users if package(name) != "cli"} == {"animatex_core.__main__"}


def test_training_and_evaluation_do_not_know_each_other() -> None:
    pairs = {(package(name), package(other)) for name, others in ORDERED.items() for other in others}
    assert ("training", "animate_x") in pairs
    assert not pairs & {("training", "evaluation"), ("evaluation", "training")}


def test_the_core_knows_nothing_of_comfyui() -> None:
    names = {name.partition(".")[0] for path in MODULES.values() for name in imported(path)}
    assert "torch" in names
    assert not names & NOT_CORE


def test_the_core_works_inside_another_package() -> None:
    # ComfyUI loads the pack as a module that is named after its folder.
    for path in MODULES.values():
        assert "from animatex_core" not in path.read_text(encoding="utf-8"), path


def names_of_nodes() -> set[str]:
    """Return everything of the core that the nodes import."""
    paths = (ROOT / "nodes").rglob("*.py")
    names = (name for path in paths for name in imported(path))
    return {name[name.index("animatex_core") :] for name in names if "animatex_core" in name}


def test_nodes_use_the_systems_and_nothing_above_them() -> None:
    used = modules_of(names_of_nodes())
    assert len(used) > 30
    assert {name for name in used if layer(name) > HIGHEST_OF_NODES} == set()


DIAGRAM = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")


def package_graph() -> Graph:
    """Return which packages of the core import which, and those that the nodes import."""
    graph: Graph = {"nodes": {package(name) for name in modules_of(names_of_nodes())} - {""}}
    for module, others in ORDERED.items():
        if package(module):
            graph.setdefault(package(module), set()).update(map(package, others))
    return {name: others - {name, ""} for name, others in graph.items()}


def direct(graph: Graph) -> set[tuple[str, str]]:
    """Return the edges of a graph that no longer way stands for."""

    def reached(name: str) -> set[str]:
        return graph.get(name, set()).union(*map(reached, graph.get(name, set())))

    return {
        (name, other)
        for name, others in graph.items()
        for other in others
        if not any(other in reached(between) for between in others - {other})
    }


def test_the_diagram_shows_the_real_imports() -> None:
    edges = {tuple(line.strip().split(" --> ")) for line in DIAGRAM.splitlines() if " --> " in line}
    assert len(edges) > 15
    assert edges == direct(package_graph())


def test_the_documented_size_of_modules_is_measured() -> None:
    text = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    found = re.search(r"about (\d+) modules, with a median of about (\d+) lines", text)
    assert found is not None
    lengths = [lines_of(path) for path in modules(CORE)]
    assert len(lengths) == pytest.approx(int(found[1]), rel=0.1)
    assert median(lengths) == pytest.approx(int(found[2]), rel=0.1)
