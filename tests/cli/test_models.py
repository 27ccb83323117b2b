"""Tests of `animatex models`."""

import hashlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from animatex_core.cli.main import main
from animatex_core.hub.catalogue import load_catalogue
from tests.support.file_server import Hub, serving

DATA = b"weights" * 1000
DENOISER = "/Shuaishuai0219/Animate-X/resolve/main/animate-x_ckpt.pth"
DETECTOR = "/yzd-v/DWPose/resolve/main/yolox_l.onnx"


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("ANIMATEX_MODELS", str(tmp_path))
    return tmp_path


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    monkeypatch.setenv("no_proxy", "*")
    with serving() as hub:
        monkeypatch.setenv("HF_ENDPOINT", hub.url)
        hub.files = {DENOISER: DATA, DETECTOR: DATA}
        yield hub


def put(root: Path, name: str) -> Path:
    path = root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(DATA)
    return path


def test_list_shows_every_file_and_its_location(root, capsys):
    path = put(root, "animate_x/yolox_l.onnx")
    assert main(["models", "list"]) == 0
    lines = capsys.readouterr().out.splitlines()
    rows = {line.split()[0]: line for line in lines if line}
    assert {model_file.id for model_file in load_catalogue().files} < rows.keys()
    assert all(text in rows["dwpose-detector"] for text in ("0.22 GB", "Apache-2.0 / not stated", str(path)))
    assert rows["umt5-xxl"].endswith("  -")
    assert "animate-x-plus-full:" in rows


@pytest.mark.parametrize("command", [["list"], ["download", "animate-x-denoiser"]])
def test_missing_licences_are_reported(root, hub, capsys, command):
    assert main(["models", *command]) == 0
    assert "No public licence of these weights was found: animate-x-denoiser" in capsys.readouterr().out


def test_a_download_is_saved_in_its_folder(root, hub, capsys):
    assert main(["models", "download", "animate-x-denoiser"]) == 0
    path = root / "animate_x" / "animate-x_ckpt.pth"
    assert path.read_bytes() == DATA
    output = capsys.readouterr()
    assert str(path) in output.out
    assert "animate-x_ckpt.pth: 100%" in output.err


def test_the_models_folder_can_be_set(root, hub):
    assert main(["models", "download", "animate-x-denoiser", "--folder", str(root / "other")]) == 0
    assert (root / "other" / "animate_x" / "animate-x_ckpt.pth").exists()


@pytest.mark.parametrize("name", ["animate_x/animate-x.pth", "animate-x_ckpt.pth"])
def test_present_files_are_not_downloaded_again(root, hub, capsys, name):
    path = put(root, name)
    assert main(["models", "download", "animate-x-denoiser"]) == 0
    assert str(path) in capsys.readouterr().out
    assert hub.ranges == []


@pytest.mark.parametrize("names", [["dwpose-detector"], ["pose"]])
def test_a_mismatch_with_the_catalogue_is_an_error(root, hub, capsys, names):
    assert main(["models", "download", *names]) == 2
    assert "7000 bytes, but models.yaml lists 216746733" in capsys.readouterr().err
    assert not list(root.rglob("*.onnx"))


@pytest.mark.parametrize("action", ["download", "verify"])
def test_an_unknown_id_lists_the_known_ones(root, capsys, action):
    assert main(["models", action, "animatex"]) == 2
    error = capsys.readouterr().err
    assert "'animatex'" in error
    assert "animate-x-plus-full" in error
    assert "umt5-xxl" in error


def test_verify_accepts_downloaded_files(root, hub, capsys):
    main(["models", "download", "animate-x-denoiser"])
    assert main(["models", "verify"]) == 0
    assert "animate-x-denoiser: ok" in capsys.readouterr().out


def test_verify_prints_both_digests_of_a_mismatch(root, capsys):
    put(root, "animate_x/yolox_l.onnx")
    put(root, "animate_x/animate-x.pth")
    assert main(["models", "verify"]) == 2
    output = capsys.readouterr()
    assert load_catalogue().find("dwpose-detector").sha256 in output.out
    assert output.out.count(hashlib.sha256(DATA).hexdigest()) == 2
    assert "animate-x-denoiser: unknown" in output.out
    assert "animatex: dwpose-detector: " in output.err


def test_verify_fails_for_a_missing_file(root, capsys):
    assert main(["models", "verify", "umt5-xxl"]) == 2
    assert "umt5-xxl: missing" in capsys.readouterr().out


def test_verify_reports_an_empty_folder(root, capsys):
    assert main(["models", "verify"]) == 0
    assert str(root) in capsys.readouterr().out


@pytest.mark.parametrize("command", [[], ["download"], ["remove"]])
def test_an_incomplete_command_shows_its_usage(capsys, command):
    with pytest.raises(SystemExit, match="2"):
        main(["models", *command])
    assert "usage: animatex models" in capsys.readouterr().err
