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
COMFY_CLI = "1.23.0"


def main() -> None:
    """Bring the environment of every ComfyUI up to date."""
    for host in installations():
        install(host)
    install_frontend()
    install_comfy_cli()


def install_comfy_cli() -> None:
    """Install comfy-cli, which packs for the registry, in an environment of its own.

    Where pip cannot install it, pip says why, and the tests that need it are skipped.
    """
    if not comfy_cli().exists():
        venv.create(_comfy_cli_folder(), with_pip=True, clear=True)
        python = interpreter(_comfy_cli_folder())
        _share_packages(python)
        options = ("--quiet", "--constraint", str(CONSTRAINTS), f"comfy-cli=={COMFY_CLI}")
        subprocess.run([python, "-m", "pip", "install", *options])


def comfy_cli() -> Path:
    """Return where the program `comfy` is, once it is installed: pip writes it last."""
    python = interpreter(_comfy_cli_folder())
    return python.with_name("comfy").with_suffix(python.suffix)


def _comfy_cli_folder() -> Path:
    return ENVIRONMENTS / f"comfy-cli-{COMFY_CLI}"


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
