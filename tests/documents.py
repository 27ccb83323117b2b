"""The documents that people read, and the snippets in them."""

import re
import shlex
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
DOCUMENTS = (ROOT / "README.md", *sorted(DOCS.glob("*.md")))
TEXT = "\n".join(document.read_text(encoding="utf-8") for document in DOCUMENTS)
CORE = "animatex_core"

GROUPS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "weights": ("models", "convert"),  # run by test_readme.py
        "dances": ("demo", "animate", "pose", "retarget", "sprite-sheet"),  # likewise
        "batches": ("batch",),  # run by cli/test_batch.py
        "training": ("prepare", "train", "epi"),  # run by test_training_doc.py
        "evaluation": ("study", "benchmark-set"),  # run by evaluation/test_evaluation_doc.py
        "benchmark": ("evaluate",),  # parsed by evaluation/test_benchmark_doc.py
    }
)
"""The commands of `animatex_core` in the documents, by the test that runs them."""


def snippets(language: str) -> list[str]:
    """Return the code blocks in a language, in the order of the documents."""
    return re.findall(rf"^```{language}\n(.*?)^```", TEXT, flags=re.DOTALL | re.MULTILINE)


def command_lines() -> list[str]:
    """Return the lines of all shell snippets without comments, each once."""
    lines = (re.split(r"\s+#\s", line)[0].strip() for block in snippets("sh") for line in block.splitlines())
    return list(dict.fromkeys(filter(None, lines)))


def arguments_of(module: str) -> list[list[str]]:
    """Return the arguments of every line that runs a module, with python or with torchrun."""
    start = rf"(?:python|torchrun --nproc_per_node \d) -m {re.escape(module)} "
    return [shlex.split(re.sub(start, "", line)) for line in command_lines() if re.match(start, line)]


def core_commands(group: str) -> list[list[str]]:
    """Return the arguments of every line that runs a command of a group, see GROUPS."""
    return [line for line in arguments_of(CORE) if line[0] in GROUPS[group]]
