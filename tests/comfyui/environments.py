"""`python -m tests.comfyui.environments`: install what each ComfyUI asks for, in an environment of its own.

Versions of ComfyUI pin different packages. What they have in common, torch above all, comes from the
environment that runs this, so that one more takes seconds and few megabytes.
"""

import hashlib
import site
import subprocess
import sys
import venv
from pathlib import Path

from tests.comfyui.hosts import ENVIRONMENTS, ROOT, Host, installations, interpreter

CONSTRAINTS = ROOT / "constraints.txt"
NEWEST_FRONTEND = "1.58.1"
PACKAGE = "comfyui-frontend-package"


def main() -> None:
    """Bring the environment of every ComfyUI up to date."""
    for host in installations():
        install(host)
    install_frontend()


def install_frontend() -> None:
    """Unpack the newest frontend, which runs on the newest ComfyUI beside that version's own."""
    if not frontend_root().exists():
        options = (
            "--quiet",
            "--no-deps",
            "--target",
            str(_frontend_folder()),
            f"{PACKAGE}=={NEWEST_FRONTEND}",
        )
        subprocess.run([sys.executable, "-m", "pip", "install", *options], check=True)


def frontend_root() -> Path:
    """Return what ComfyUI's option --front-end-root takes for the newest frontend."""
    return _frontend_folder() / "comfyui_frontend_package" / "static"


def _frontend_folder() -> Path:
    return ENVIRONMENTS / f"frontend-{NEWEST_FRONTEND}"


def install(host: Host) -> None:
    """Create a host's environment unless it is there for the same requirements."""
    environment = ENVIRONMENTS / host.path.name
    stamp, state = environment / ".installed", _state(host)
    if stamp.exists() and stamp.read_text(encoding="utf-8") == state:
        return
    venv.create(environment, with_pip=True, clear=True)
    python = interpreter(environment)
    _share_packages(python)
    options = ("--quiet", "--constraint", str(CONSTRAINTS), "--requirement", str(host.requirements))
    subprocess.run([python, "-m", "pip", "install", *options], check=True)
    stamp.write_text(state, encoding="utf-8")


def _share_packages(python: Path) -> None:
    """Let an environment fall back on the packages of this one."""
    code = "import sysconfig; print(sysconfig.get_path('purelib'))"
    own = subprocess.run([python, "-c", code], check=True, capture_output=True, text=True).stdout.strip()
    shared = [path for path in (*site.getsitepackages(), *sys.path) if "site-packages" in path]
    Path(own, "shared_packages.pth").write_text("\n".join(dict.fromkeys(shared)) + "\n", encoding="utf-8")


def _state(host: Host) -> str:
    files = (host.requirements, CONSTRAINTS)
    return sys.version + "".join(hashlib.sha256(file.read_bytes()).hexdigest() for file in files)


if __name__ == "__main__":
    main()
