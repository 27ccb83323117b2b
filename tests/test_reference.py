"""Every case of reference numbers, one test a case.

ANIMATEX_REFERENCE names the directory with the cases (default: tests/reference), so that other cases of
the same kinds can be checked too.
"""

import json
import os
from pathlib import Path

import numpy as np
import pytest
import torch

from tests.support.reference_cases import RUNNERS

DIRECTORY = Path(os.environ.get("ANIMATEX_REFERENCE", Path(__file__).parent / "reference"))
CASES = sorted(path for path in DIRECTORY.rglob("*.json") if path.with_suffix(".npz").exists())


@pytest.mark.parametrize("path", CASES, ids=lambda path: path.stem)
@pytest.mark.parametrize("inference", [False, True], ids=["recorded", "inference"])
def test_case(path: Path, *, inference: bool) -> None:
    case = json.loads(path.read_text(encoding="utf-8")) | {"directory": path.parent}
    if case["kind"] not in RUNNERS:
        pytest.skip(f"the kind {case['kind']!r} is not part of this version")
    # Inference on a CPU takes other ways than training.
    with np.load(path.with_suffix(".npz")) as numbers, torch.inference_mode(inference):
        RUNNERS[case["kind"]](dict(numbers), case)


def test_the_directory_holds_cases() -> None:
    assert CASES, f"{DIRECTORY} holds no NAME.json beside a NAME.npz"
