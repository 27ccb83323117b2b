"""A real ComfyUI in a process of its own, with this pack in its custom_nodes, and a client for its API."""

import json
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
from safetensors.torch import load_file
from torch import Tensor

from tests.comfyui.hosts import ROOT, Host

PACK = "animate-x"
DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}))
SETTINGS = {
    "Comfy.TutorialCompleted": True,
    "Comfy.Workflow.ShowMissingModelsWarning": False,  # which asks other hosts how large files are
}
NOT_IN_LIST = "Value not in list"
"""How ComfyUI itself refuses a choice, since 0.30 before a node sees it."""
START, PATIENCE = 300, 900  # seconds, for machines that are busy with other things
GIVES_BACK = {
    "MALLOC_ARENA_MAX": "1",
    "MALLOC_MMAP_THRESHOLD_": str(64 << 10),
    "MALLOC_TRIM_THRESHOLD_": str(128 << 10),
}
"""Environment with which glibc gives freed memory back at once, so that resident bytes are what is held."""


class Refused(Exception):
    """A prompt that the server did not take; `.answer` is what it said."""

    def __init__(self, answer: dict[str, Any]) -> None:
        super().__init__(json.dumps(answer)[:2000])
        self.answer = answer


@dataclass(frozen=True)
class Server:
    """A server that runs. base: its folders input, output, models, temp, user and custom_nodes."""

    base: Path
    port: int
    process: subprocess.Popen[bytes]

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def log(self) -> str:
        return (self.base / "server.log").read_text(encoding="utf-8", errors="replace")

    def ask(self, path: str, data: Mapping[str, Any] | None = None) -> Any:
        """GET, or POST where there is data, and return the parsed answer."""
        body = None if data is None else json.dumps(data).encode()
        request = urllib.request.Request(self.url + path, body, {"Content-Type": "application/json"})
        with DIRECT.open(request, timeout=PATIENCE) as answer:
            text = answer.read()
        return json.loads(text) if text else None

    def post(self, prompt: Mapping[str, Any]) -> str:
        """Queue an API prompt and return its id; raises `Refused`."""
        try:
            return self.ask("/prompt", {"prompt": prompt})["prompt_id"]
        except urllib.error.HTTPError as error:
            raise Refused(json.loads(error.read())) from error

    def wait(self, prompt_id: str) -> dict[str, Any]:
        """Return the history of a prompt when it has ended, however that came."""
        until = time.monotonic() + PATIENCE
        pause = 0.005  # most prompts of the tests take a few milliseconds
        while time.monotonic() < until:
            history = self.ask(f"/history/{prompt_id}")
            if prompt_id in history:
                return history[prompt_id]
            assert self.process.poll() is None, self.log[-3000:]
            time.sleep(pause)
            pause = min(1.5 * pause, 0.1)
        raise TimeoutError(self.log[-3000:])

    def run(self, prompt: Mapping[str, Any]) -> dict[str, Any]:
        """Run a prompt and return its history; fails the test unless it succeeded."""
        history = self.wait(self.post(prompt))
        assert history["status"]["status_str"] == "success", failure(history) or self.log[-3000:]
        return history

    def complaint(self, prompt: Mapping[str, Any]) -> str:
        """Run a prompt that must fail, and return what the API says to the user."""
        try:
            history = self.wait(self.post(prompt))
        except Refused as refused:
            errors = [e for node in refused.answer["node_errors"].values() for e in node["errors"]]
            return "; ".join(f"{error['message']}: {error['details']}" for error in errors)
        assert history["status"]["status_str"] == "error", history["outputs"]
        return failure(history)

    def files(self, history: Mapping[str, Any]) -> list[Path]:
        """Return the files that the nodes of a prompt showed."""
        shown = [entry for output in history["outputs"].values() for entry in output.get("images", ())]
        return [self.base / entry["type"] / entry["subfolder"] / entry["filename"] for entry in shown]

    def memory(self) -> int:
        """Resident bytes."""
        return psutil.Process(self.process.pid).memory_info().rss


def failure(history: Mapping[str, Any]) -> str:
    """Return the message of the error that ended a prompt, empty where there was none."""
    messages = dict(history["status"]["messages"])
    return messages.get("execution_error", {}).get("exception_message", "").strip()


def cached_nodes(history: Mapping[str, Any]) -> set[str]:
    """Return the ids of the nodes that did not run again."""
    return set(dict(history["status"]["messages"])["execution_cached"]["nodes"])


def latents(server: Server, prompt: Mapping[str, Any]) -> Tensor:
    """Run a prompt whose node `latents` saves latents, and return them."""
    shown = server.run(prompt)["outputs"]["latents"]["latents"][0]
    return load_file(server.base / shown["type"] / shown["subfolder"] / shown["filename"])["latent_tensor"]


@contextmanager
def serving(
    comfyui: Host,
    base: Path,
    *options: str,
    environment: Mapping[str, str] | None = None,
    pack: Path = ROOT,
    port: int | None = None,
) -> Iterator[Server]:
    """Start ComfyUI on a loopback port with folders of its own, and stop it in the end.

    environment: variables beside those of the tests. pack: the folder that is its only custom node.
    port: None for a free one.
    """
    for folder in ("custom_nodes", "input", "output", "temp", "user/default", "models"):
        (base / folder).mkdir(parents=True, exist_ok=True)
    if not (base / "custom_nodes" / PACK).exists():
        (base / "custom_nodes" / PACK).symlink_to(pack, target_is_directory=True)
    settings = base / "user" / "default" / "comfy.settings.json"
    settings.write_text(json.dumps(SETTINGS), encoding="utf-8")
    port = port or free_port()
    with (base / "server.log").open("wb") as log:
        wrapper = [str(ROOT / "tests/comfyui/probes/dynamic_vram.py")] if comfyui.dynamic_vram else []
        process = subprocess.Popen(
            [comfyui.python, *wrapper, "main.py", *arguments(base, port), *options],
            cwd=comfyui.path,
            env={**comfyui.environment, "PYTHONUNBUFFERED": "1", **(environment or {})},
            stdout=log,
            stderr=subprocess.STDOUT,
        )
        try:
            server = Server(base, port, process)
            _await_start(server)
            yield server
        finally:
            _stop(process)


def arguments(base: Path, port: int) -> list[str]:
    isolated = ["--disable-all-custom-nodes", "--whitelist-custom-nodes", PACK, "--disable-api-nodes"]
    network = ["--listen", "127.0.0.1", "--port", str(port), "--disable-auto-launch"]
    storage = ["--base-directory", str(base), "--database-url", "sqlite:///:memory:"]
    return ["--cpu", *network, *storage, *isolated]


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


def _await_start(server: Server) -> None:
    until = time.monotonic() + START
    while time.monotonic() < until and server.process.poll() is None:
        try:
            server.ask("/system_stats")
        except OSError:
            time.sleep(0.2)
        else:
            return
    raise RuntimeError(f"ComfyUI did not start:\n{server.log[-5000:]}")


def _stop(process: subprocess.Popen[bytes]) -> None:
    process.send_signal(signal.SIGINT)
    try:
        process.wait(20)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
