"""The names that docs/stable-ids.md promises are those in the code; read from the source, without ComfyUI."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "stable-ids.md"
PREFIX = "AnimateX"


def calls() -> Iterator[ast.Call]:
    """Every call in the modules of the nodes."""
    for path in sorted((ROOT / "nodes").rglob("*.py")):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        yield from (node for node in ast.walk(tree) if isinstance(node, ast.Call))


def text_of(node: ast.AST | None) -> str | None:
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else None


def node_ids() -> dict[str, str]:
    """Return the title of each node by its id."""
    texts = [{each.arg: text_of(each.value) for each in call.keywords} for call in calls()]
    found = [(each["node_id"], each["display_name"]) for each in texts if "node_id" in each]
    assert len(dict(found)) == len(found)
    return {str(node_id): str(title) for node_id, title in found}


def socket_types() -> set[str]:
    """Return the types of sockets that the package adds to ComfyUI's."""
    customs = [
        call for call in calls() if isinstance(call.func, ast.Attribute) and call.func.attr == "Custom"
    ]
    return {name for call in customs if (name := text_of(call.args[0])) and name.startswith("ANIMATEX_")}


def table(title: str) -> dict[str, str]:
    """Return the rows of the table below a heading: the code of the first column, and the second one."""
    section = PAGE.read_text(encoding="utf-8").partition(f"\n## {title}\n")[2].partition("\n## ")[0]
    return dict(re.findall(r"^\| `([^`]+)` \| (.+?) \|$", section, flags=re.MULTILINE))


def test_every_node_is_listed_with_its_title() -> None:
    assert len(node_ids()) >= 20
    assert table("Nodes") == node_ids()


def test_ids_have_the_prefix_of_the_package() -> None:
    assert [node_id for node_id in node_ids() if not node_id.startswith(PREFIX)] == []


def test_every_type_of_socket_is_listed() -> None:
    assert socket_types()
    assert set(table("Types of sockets")) == socket_types()


def test_names_elsewhere_are_those_in_use() -> None:
    project = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    assert '\nname = "animate-x"\n' in project
    core = [*(ROOT / "animatex_core").rglob("*.py"), *(ROOT / "nodes").rglob("*.py")]
    text = "\n".join(path.read_text(encoding="utf-8") for path in core)
    assert [name for name in ("animate_x", "ANIMATEX_MODELS") if f'"{name}"' not in text] == []
    assert set(table("Elsewhere")) == {"animate-x", "animate_x", "ANIMATEX_MODELS"}
