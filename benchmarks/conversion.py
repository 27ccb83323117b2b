"""Measure time and memory of converting and loading a full-size checkpoint in the official format.

Writes 7.3 GB of generated weights and a bundle of 3.6 GB to a folder that is removed afterwards.

python -m benchmarks.conversion [--folder DIR]
"""

import argparse
import subprocess
import sys
import tempfile
import textwrap
from pathlib import Path

import torch

from animatex_core.animate_x.checkpoint_keys import official_keys
from animatex_core.animate_x.config import DenoiserConfig
from animatex_core.animate_x.unet import AnimateXUNet

REPORT = """
import torch
from animatex_core.animate_x import checkpoint, conversion
from benchmarks.measure import measured
with measured() as result:
{work}
print(f"{name}: {{result.seconds:.1f}} s, {{result.peak_bytes / 2**30:.2f}} GiB at the peak")
"""
CONVERT = "conversion.convert_denoiser({source!r}, {target!r}, torch.zeros(1, 77, 1024), torch.bfloat16)"
LOAD_BUNDLE = """
unet = checkpoint.load_denoiser({target!r}, torch.bfloat16).unet
pages = [parameter.view(torch.uint8).flatten()[::4096].sum() for parameter in unet.parameters()]
"""
LOAD_PICKLE = """
unet = checkpoint.load_denoiser({source!r}, torch.bfloat16).unet
pages = [parameter.view(torch.uint8).flatten()[::4096].sum() for parameter in unet.parameters()]
"""
READ_PICKLE = "tensors = torch.load({source!r}, weights_only=True, map_location='cpu')"


def write_released(path: Path) -> None:
    """Write generated weights and a step count in the format of the official checkpoint."""
    keys = official_keys(AnimateXUNet(DenoiserConfig.released(), device="meta"))
    tensors = {key: torch.randn(shape) * 0.02 for key, shape in keys.items()}
    torch.save({"state_dict": tensors, "step": 1}, path)


def run(name: str, work: str, **paths: str) -> None:
    """Run a piece of work in a separate process, to measure its own peak of memory."""
    code = REPORT.format(name=name, work=textwrap.indent(work.strip().format(**paths), "    "))
    subprocess.run([sys.executable, "-c", code], check=True)


def main() -> None:
    """Run the benchmark and print the results."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folder", type=Path, default=None)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=options.folder) as folder:
        source, target = Path(folder) / "released.pth", Path(folder) / "bundle.safetensors"
        write_released(source)
        paths = {"source": str(source), "target": str(target)}
        run("convert to bfloat16", CONVERT, **paths)
        for path in (source, target):
            print(f"{path.name}: {path.stat().st_size / 2**30:.2f} GiB")
        run("torch.load of the pickle", READ_PICKLE, **paths)
        run("pickle into a bfloat16 denoiser", LOAD_PICKLE, **paths)
        run("bundle into a bfloat16 denoiser", LOAD_BUNDLE, **paths)


if __name__ == "__main__":
    main()
