"""Runs `comfy node` of comfy-cli: without tracking, prompts, the user's settings or the network."""

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from shutil import copyfile
from tempfile import TemporaryDirectory

from tests.comfyui.environments import comfy_cli
from tests.comfyui.hosts import ROOT

ARCHIVE = "node.zip"
NOWHERE = "http://127.0.0.1:9"  # a proxy that refuses every connection


def comfy_node(command: str, folder: Path) -> str:
    """Run a command such as "validate" in a folder and return what it printed; an error fails the test."""
    with TemporaryDirectory() as home:
        done = subprocess.run(
            [comfy_cli(), "--skip-prompt", "node", command],
            cwd=folder,
            env=_environment(home),
            capture_output=True,
            text=True,
            encoding="utf-8",
        )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


def _environment(home: str) -> dict[str, str]:
    folders = dict.fromkeys(("HOME", "USERPROFILE", "XDG_CONFIG_HOME", "APPDATA"), home)
    proxies = dict.fromkeys(("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"), NOWHERE)
    plain = {"DO_NOT_TRACK": "1", "NO_COLOR": "1", "COLUMNS": "200", "PYTHONIOENCODING": "utf-8"}
    return {**os.environ, **folders, **proxies, **plain}


@contextmanager
def checkout() -> Iterator[Path]:
    """Copy the files that git tracks into a repository of their own, so that packing leaves nothing here."""
    with TemporaryDirectory() as name:
        for path in tracked():
            target = Path(name, path)
            target.parent.mkdir(parents=True, exist_ok=True)
            copyfile(ROOT / path, target)
        for arguments in (["init", "--quiet"], ["add", "--all", "--force"]):
            subprocess.run(["git", *arguments], cwd=name, check=True, capture_output=True)
        yield Path(name)


def tracked() -> list[str]:
    """Return the files of the repository that exist, as git lists them; nothing outside of one."""
    done = subprocess.run(
        ["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, encoding="utf-8"
    )
    return [path for path in done.stdout.split("\0") if path and (ROOT / path).is_file()]
