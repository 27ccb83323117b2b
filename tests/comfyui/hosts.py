"""The ComfyUI installations that these tests run on, and their two modes of memory management."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path

ROOT = Path(__file__).parents[2]
ENVIRONMENTS = ROOT / ".venv" / "hosts"
DYNAMIC_VRAM_VARIABLE = "ANIMATEX_TEST_DYNAMIC_VRAM"
"""Environment variable that makes the tests' own start code switch DynamicVRAM on."""

MEMORY_MANAGEMENT = Path("comfy", "memory_management.py")
CLONES = "ComfyUI", "ComfyUI-0.33"
NEEDED = "aiohttp", "av", "comfyui-frontend-package", "einops", "imageio-ffmpeg", "safetensors", "torch"
VERSIONS = f"""
import importlib.metadata, json
found = {{}}
for name in {NEEDED!r}:
    try:
        found[name] = importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        pass
print(json.dumps(found))
"""


@dataclass(frozen=True)
class Host:
    """A ComfyUI in a folder.

    dynamic_vram: DynamicVRAM is on, as it is by default on an NVIDIA card.
    source: the installation that it is a copy of, whose packages it shares; None for an installation.
    """

    path: Path
    dynamic_vram: bool = False
    source: Path | None = None

    def __str__(self) -> str:
        return f"{self.version}-dynamic" if self.dynamic_vram else self.version

    @property
    def version(self) -> str:
        """ComfyUI's version, such as "0.33.0"."""
        text = (self.path / "comfyui_version.py").read_text(encoding="utf-8")
        found = re.search(r'"(\d[^"]*)"', text)
        assert found is not None, text
        return found[1]

    @property
    def release(self) -> tuple[int, ...]:
        """The version as numbers, to compare."""
        return tuple(int(part) for part in re.findall(r"\d+", self.version))

    @property
    def python(self) -> str:
        """The interpreter with this ComfyUI's packages: our own environment for it, its own, or this one."""
        home = self.source or self.path
        own = (ENVIRONMENTS / home.name, home / ".venv", home / "venv")
        found = [python for folder in own if (python := interpreter(folder)).exists()]
        return str(found[0]) if found else sys.executable

    @property
    def environment(self) -> dict[str, str]:
        """Environment variables for its processes."""
        return {**os.environ, DYNAMIC_VRAM_VARIABLE: "1" if self.dynamic_vram else ""}

    @property
    def has_dynamic_vram(self) -> bool:
        """Whether this version can offload weights dynamically."""
        return (self.path / MEMORY_MANAGEMENT).exists()

    def lack(self) -> str:
        """Return why nothing can run on it, empty where it can."""
        found = package_versions(self.python)
        missing = [name for name in NEEDED if name not in found]
        remedy = "run `python -m tests.comfyui.environments`"
        if missing:
            return f"ComfyUI at {self.path} needs {', '.join(missing)}: {remedy}"
        pinned = re.search(r"comfyui-frontend-package==(\S+)", self.requirements.read_text(encoding="utf-8"))
        if pinned and pinned[1] != found["comfyui-frontend-package"]:
            return f"ComfyUI at {self.path} needs comfyui-frontend-package {pinned[1]}: {remedy}"
        return ""

    @property
    def requirements(self) -> Path:
        """What ComfyUI asks pip for."""
        return self.path / "requirements.txt"


def installations() -> list[Host]:
    """Return every ComfyUI, the oldest first: those of COMFYUI_PATH, else of ~/comfy."""
    named = os.environ.get("COMFYUI_PATH")
    default = [Path.home() / "comfy" / name for name in CLONES]
    paths = [Path(path) for path in named.split(os.pathsep)] if named else default
    return sorted(
        (Host(path) for path in paths if (path / "comfy" / "ops.py").exists()), key=lambda host: host.release
    )


def settings(hosts: Sequence[Host], *, newest: bool = False, plain: bool = False) -> list[Host]:
    """Return in what a test runs: every host in each of its modes, unless some suffice."""
    if newest or plain:
        return list(hosts[-1:] if newest else hosts)
    dynamic = [replace(host, dynamic_vram=True) for host in hosts if host.has_dynamic_vram]
    return sorted([*hosts, *dynamic], key=lambda host: (host.release, host.dynamic_vram))


def interpreter(environment: Path) -> Path:
    """Return the Python of a virtual environment."""
    return environment / ("Scripts/python.exe" if os.name == "nt" else "bin/python")


@lru_cache
def package_versions(python: str) -> dict[str, str]:
    """Return the versions of ComfyUI's packages that an interpreter has."""
    done = subprocess.run([python, "-c", VERSIONS], capture_output=True, text=True, check=True, cwd=ROOT)
    return json.loads(done.stdout)
