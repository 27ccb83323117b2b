"""Help pages and locales, held to the nodes' own schemas, as a real ComfyUI serves them to its frontend."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from tests.comfyui.server import DIRECT, PACK, Server
from tests.test_docs import DOCS, node_defs

pytestmark = pytest.mark.plain_mode

ZH, EN = node_defs("zh"), node_defs("en")
BUILT_IN = "built-in (small)"
BEFORE_FILES = {"plus_name": "automatic"}  # what stands before the files, where it is not the built-in one
CHINESE = re.compile("[一-鿿]")
ENTRY = re.compile(r"- \*\*(.+?)\*\*(?: \((.+?)\): |（(.+?)）：)(.+)")
DIGITS = ", ".join(f"`{n}`" for n in range(10))

Node = dict[str, Any]


@dataclass(frozen=True)
class Language:
    """How pages say in a language what is not in the schema. path: of a page, with its node for {}."""

    path: str
    required: str
    optional: str
    file: str
    or_file: str
    text: str

    @property
    def default(self) -> str:
        return "default" if self is ENGLISH else "默认"

    def cell(self, name: str, translated: dict[str, str]) -> str:
        return f"`{name}`" if self is ENGLISH else f"{translated['name']} (`{name}`)"

    def title(self, english: str, chinese: str) -> str:
        return f"# {english}\n" if self is ENGLISH else f"# {chinese} ({english})\n"


ENGLISH = Language("{}.md", "required", "optional", "a file", " or a file", "text")
LANGUAGES = {
    "en": ENGLISH,
    "zh": Language("{}/zh.md", "必需", "可选", "文件", " 或文件", "文本"),
}


@pytest.fixture(scope="module")
def nodes(server: Server) -> dict[str, Node]:
    """What ComfyUI tells of the pack's nodes."""
    known = server.ask("/object_info").items()
    return {name: node for name, node in known if node["python_module"].endswith(f".{PACK}")}


def read(server: Server, path: str) -> str:
    with DIRECT.open(f"{server.url}/extensions/{PACK}/docs/{path}") as answer:
        return answer.read().decode("utf-8")


def inputs(node: Node) -> Iterator[tuple[str, str, dict[str, Any], bool]]:
    """Yield (name, type, options, whether required) in the order of the frontend."""
    for group in ("required", "optional"):
        for name in node["input_order"].get(group, ()):
            kind, options = node["input"][group][name]
            yield name, kind, options, group == "required"


def entries(page: str, section: int) -> list[tuple[str, list[str], str]]:
    """Return (name, facts, explanation) of every entry of the list in a section; 1 holds the inputs."""
    body = page.split("\n## ")[section].split("\n\n")[1]
    found = [ENTRY.fullmatch(line) for line in body.splitlines()]
    assert all(found), body
    return [(entry[1], (entry[2] or entry[3]).split(" · "), entry[4]) for entry in found if entry]


def number(value: float) -> str:
    return str(value).removesuffix(".0")


def choices(name: str, options: dict[str, Any], words: Language) -> tuple[str, str]:
    if name == "file":  # whatever lies in ComfyUI's folders
        return "–", words.file
    listed, last = options["options"], BEFORE_FILES.get(name, BUILT_IN)
    files = last in listed
    own = listed[: listed.index(last) + 1] if files else listed
    codes = ", ".join(f"`{option}`" for option in own).replace(DIGITS, "`0` … `9`")
    return f"`{options.get('default', listed[0])}`", codes + words.or_file * files


def facts(name: str, kind: str, options: dict[str, Any], required: bool, words: Language) -> list[str]:
    """Return the type, the default and the range that a page must state."""
    default, values = _stated(name, kind, options, required, words)
    if values == "–":
        return [kind, default]
    return [kind, *([] if default == "–" else [f"{words.default} {default}"]), values]


def _stated(
    name: str, kind: str, options: dict[str, Any], required: bool, words: Language
) -> tuple[str, str]:
    if kind == "COMBO":
        return choices(name, options, words)
    if kind in ("INT", "FLOAT"):
        return number(options["default"]), f"{number(options['min'])} … {number(options['max'])}"
    if kind == "BOOLEAN":
        return f"`{str(options['default']).lower()}`", "`true`, `false`"
    if kind == "STRING":
        return f"`{options['default']}`" if options["default"] else "–", words.text
    return words.required if required else words.optional, "–"


def test_locales_know_the_nodes_of_the_pack_and_no_others(nodes: dict[str, Node]) -> None:
    assert set(ZH) == set(nodes)


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("node_id", ZH)
def test_a_page_states_inputs_as_the_schema_has_them(
    server: Server, nodes: dict[str, Node], node_id: str, language: str
) -> None:
    words, translated = LANGUAGES[language], ZH[node_id]["inputs"]
    listed = entries(read(server, words.path.format(node_id)), 1)
    assert [(name, stated) for name, stated, _ in listed] == [
        (words.cell(name, translated[name]), facts(name, kind, options, required, words))
        for name, kind, options, required in inputs(nodes[node_id])
    ]


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("node_id", ZH)
def test_a_page_states_outputs_and_the_title(
    server: Server, nodes: dict[str, Node], node_id: str, language: str
) -> None:
    words, translated, node = LANGUAGES[language], ZH[node_id]["outputs"], nodes[node_id]
    page = read(server, words.path.format(node_id))
    assert page.startswith(words.title(node["display_name"], ZH[node_id]["display_name"]))
    assert [(name, stated) for name, stated, _ in entries(page, 2)] == [
        (words.cell(name, translated[str(index)]), [kind])
        for index, (name, kind) in enumerate(zip(node["output_name"], node["output"], strict=True))
    ]


@pytest.mark.parametrize("node_id", ZH)
def test_every_input_and_output_has_a_tooltip(nodes: dict[str, Node], node_id: str) -> None:
    node = nodes[node_id]
    assert [name for name, _, options, _ in inputs(node) if not options.get("tooltip", "").strip()] == []
    assert all([node["description"], *node["output_tooltips"]])


@pytest.mark.parametrize("node_id", ZH)
def test_chinese_is_complete_and_in_the_order_of_the_schema(nodes: dict[str, Node], node_id: str) -> None:
    translated, node = ZH[node_id], nodes[node_id]
    assert list(translated["inputs"]) == [name for name, *_ in inputs(node)]
    assert list(translated["outputs"]) == [str(index) for index in range(len(node["output"]))]
    slots = [*translated["inputs"].values(), *translated["outputs"].values()]
    assert all([translated["display_name"], *(slot["name"] for slot in slots)])
    assert all(
        CHINESE.search(text) for text in [translated["description"], *(slot["tooltip"] for slot in slots)]
    )


def test_english_names_what_has_an_underscore(nodes: dict[str, Node]) -> None:
    marked = {(node, name) for node in nodes for name, *_ in inputs(nodes[node]) if "_" in name}
    assert {(node, name) for node in EN for name in EN[node]["inputs"]} == marked


def test_comfyui_serves_the_locales(server: Server) -> None:
    served = server.ask("/i18n")
    assert served["zh"]["nodeDefs"] == ZH
    assert served["en"]["nodeDefs"] == EN
    assert served["zh"]["nodeCategories"] == {"pose": "姿态"}


def test_pages_are_served_as_they_are(server: Server) -> None:
    paths = sorted(DOCS.rglob("*.md"))
    served = [read(server, path.relative_to(DOCS).as_posix()) for path in paths]
    assert served == [path.read_text(encoding="utf-8") for path in paths]
