import sys
from pathlib import Path

import pytest

from animatex_core.errors import InvalidInput
from animatex_core.pose.providers import (
    choose_providers,
    cpu_fallback_reason,
    import_error,
    installed_wheels,
    provider_in_use,
    recommended_wheel,
)

CUDA, DML, COREML, CPU = (f"{name}ExecutionProvider" for name in ("CUDA", "Dml", "CoreML", "CPU"))
PIP = f"{sys.executable} -m pip"
ALL = [CPU, "AzureExecutionProvider", COREML, DML, CUDA]


@pytest.mark.parametrize(
    ("device", "available", "chosen"),
    [
        ("auto", ALL, [CUDA, DML, COREML, CPU]),
        ("auto", [CPU], [CPU]),
        ("auto", [COREML, CPU], [COREML, CPU]),
        ("CUDA", ALL, [CUDA, CPU]),
        ("directml", [DML, CPU], [DML, CPU]),
        ("coreml", [CPU], [CPU]),
        ("cpu", ALL, [CPU]),
    ],
)
def test_providers_come_best_first_and_the_cpu_last(
    device: str, available: list[str], chosen: list[str]
) -> None:
    assert [provider.name for provider in choose_providers(device, available)] == chosen


def test_an_unknown_device_is_rejected_with_the_valid_ones() -> None:
    with pytest.raises(InvalidInput, match=r"device is 'gpu'.*auto, cuda, directml, coreml, cpu"):
        choose_providers("gpu", ALL)


@pytest.mark.parametrize(
    ("active", "label"), [([CUDA, CPU], "CUDA"), ([CPU], "CPU"), (["AzureExecutionProvider", CPU], "CPU")]
)
def test_the_provider_in_use_is_the_first_active_one(active: list[str], label: str) -> None:
    assert provider_in_use(active).label == label


@pytest.mark.parametrize(
    ("device", "available", "active", "wheels"),
    [
        ("auto", [CPU], [CPU], ["onnxruntime"]),
        ("auto", [CUDA, CPU], [CUDA, CPU], ["onnxruntime-gpu"]),
        ("auto", [CUDA, CPU], [CUDA, CPU], ["onnxruntime", "onnxruntime-gpu"]),
        ("cpu", [CUDA, CPU], [CPU], ["onnxruntime", "onnxruntime-gpu"]),
    ],
    ids=["only a CPU", "CUDA works", "CUDA works all the same", "the CPU was asked for"],
)
def test_no_complaint_if_the_device_is_used(
    device: str, available: list[str], active: list[str], wheels: list[str]
) -> None:
    assert cpu_fallback_reason(device, available, active, wheels, "onnxruntime") is None


@pytest.mark.parametrize(
    ("device", "available", "wheels", "words"),
    [
        (
            "auto",
            [CPU],
            ["onnxruntime", "onnxruntime-gpu"],
            [
                "onnxruntime and onnxruntime-gpu are both installed",
                f"`{PIP} uninstall -y onnxruntime onnxruntime-gpu` and then `{PIP} install onnxruntime-gpu`",
            ],
        ),
        (
            "auto",
            [DML, CPU],
            ["onnxruntime", "onnxruntime-directml"],
            [f"and then `{PIP} install onnxruntime-directml`"],
        ),
        (
            "auto",
            [CUDA, CPU],
            ["onnxruntime-gpu"],
            [
                "offers CUDA but could not start it",
                f"`{PIP} install --upgrade --force-reinstall onnxruntime-gpu`",
            ],
        ),
        (
            "cuda",
            [CPU],
            ["onnxruntime"],
            ["has no CUDA", f"`{PIP} uninstall -y onnxruntime` and then `{PIP} install onnxruntime-gpu`"],
        ),
        ("directml", [CPU], [], [f"has no DirectML: run `{PIP} install onnxruntime-directml`"]),
    ],
    ids=["both", "both with DirectML", "CUDA fails", "no CUDA", "not from a wheel"],
)
def test_work_on_the_cpu_is_explained_with_the_commands_to_fix_it(
    device: str, available: list[str], wheels: list[str], words: list[str]
) -> None:
    sentence = cpu_fallback_reason(device, available, [CPU], wheels, "onnxruntime")
    assert sentence is not None
    assert sentence.startswith("Poses are detected on the CPU because")
    assert all(word in sentence for word in words), sentence


def test_the_installed_wheel_is_known() -> None:
    assert "onnxruntime" in installed_wheels()


@pytest.mark.parametrize(
    ("fitting", "words"),
    [("onnxruntime-gpu", "has no CUDA"), ("onnxruntime-directml", None), ("onnxruntime", None)],
)
def test_a_cuda_gpu_that_the_wheel_cannot_use_is_reported(fitting: str, words: str | None) -> None:
    sentence = cpu_fallback_reason("auto", [CPU], [CPU], ["onnxruntime"], fitting)
    assert sentence is None if words is None else words in str(sentence)


@pytest.mark.parametrize(
    ("cuda", "hip", "platform", "wheel"),
    [
        (True, None, "linux", "onnxruntime-gpu"),
        (True, None, "win32", "onnxruntime-gpu"),
        (True, "6.2", "linux", "onnxruntime"),
        (False, None, "win32", "onnxruntime-directml"),
        (False, None, "darwin", "onnxruntime"),
    ],
)
def test_the_wheel_that_suits_the_machine(
    monkeypatch: pytest.MonkeyPatch, cuda: bool, hip: str | None, platform: str, wheel: str
) -> None:
    monkeypatch.setattr("torch.cuda.is_available", lambda: cuda)
    monkeypatch.setattr("torch.version.hip", hip)
    monkeypatch.setattr("sys.platform", platform)
    assert recommended_wheel() == wheel


@pytest.mark.parametrize(
    ("wheels", "command"),
    [
        ([], f"run `{PIP} install onnxruntime-directml`."),
        (
            ["onnxruntime-gpu"],
            f"run `{PIP} uninstall -y onnxruntime-gpu` and then `{PIP} install onnxruntime-gpu`.",
        ),
    ],
)
def test_a_failed_import_is_explained(wheels: list[str], command: str) -> None:
    error = import_error("No module named 'onnxruntime'", wheels, "onnxruntime-directml")
    assert isinstance(error, ImportError)
    assert command in str(error)


def test_what_an_interrupted_installation_left_behind_does_no_harm(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "~nnxruntime-1.0.dist-info").mkdir()
    monkeypatch.syspath_prepend(str(tmp_path))
    assert "onnxruntime" in installed_wheels()
