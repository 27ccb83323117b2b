"""The catalogue is complete and strict, and files are found where users keep them."""

import dataclasses
from pathlib import Path

import pytest
import yaml

from animatex_core.errors import InvalidInput
from animatex_core.hub.catalogue import (
    CATALOGUE,
    NOT_STATED,
    default_models_folder,
    load_catalogue,
    resolve,
    search_folders,
)

ENTRY: dict[str, object] = {
    "id": "some-file",
    "role": "autoencoder",
    "repository": "owner/name",
    "path": "folder/file.safetensors",
    "names": ["file.safetensors", "other.safetensors"],
    "folder": "vae",
    "code_licence": "MIT",
    "weights_licence": "MIT",
    "purpose": "A test.",
}


def write(path: Path, *entries: dict[str, object], **top: object) -> Path:
    content = {"hub": "https://hub.example", "sets": {}, "files": list(entries)} | top
    path.write_text(yaml.safe_dump(content), encoding="utf-8")
    return path


def test_the_files_to_run_animate_x_are_known_by_their_digests():
    files = {file.role: file for file in load_catalogue().select(["animate-x"])}
    assert set(files) == {"denoiser", "image_encoder", "autoencoder", "pose_detector", "pose_estimator"}
    assert files["pose_detector"].size == 216746733
    assert (
        files["pose_estimator"].sha256 == "724f4ff2439ed61afb86fb8a1951ec39c6220682803b4a8bd4f598cd913b1843"
    )
    assert "animate-x.pth" in files["denoiser"].names


def test_the_licence_of_the_released_weights_is_not_stated():
    files = [file for file in load_catalogue().files if file.repository.startswith("Shuaishuai0219/")]
    assert {(file.code_licence, file.weights_licence) for file in files} == {("Apache-2.0", NOT_STATED)}
    assert len(files) == 3


def test_the_models_of_the_metrics_are_known():
    files = load_catalogue().select(["evaluation"])
    assert {file.role for file in files} == {"feature_network"}
    assert len(files) == 5


def test_every_file_has_its_own_name_in_its_folder():
    places = [(file.folder, name) for file in load_catalogue().files for name in file.names]
    assert len(places) == len(set(places))


def test_files_and_sets_are_selected_once_and_in_order():
    ids = [file.id for file in load_catalogue().select(["dwpose-estimator", "pose", "wan21-autoencoder"])]
    assert ids == ["dwpose-estimator", "dwpose-detector", "wan21-autoencoder"]
    assert load_catalogue().find("umt5-xxl").folder == "text_encoders"


def test_an_unknown_name_is_answered_with_the_known_ones():
    with pytest.raises(InvalidInput, match=r"'animatex'.*animate-x,.*umt5-xxl"):
        load_catalogue().select(["animatex"])


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("id", "Has Spaces"),
        ("role", "gardener"),
        ("repository", "no-owner"),
        ("path", "../../etc/passwd"),
        ("path", "/etc/passwd"),
        ("names", []),
        ("names", ["../escape"]),
        ("names", [".hidden"]),
        ("names", "file.safetensors"),
        ("folder", "vae/.."),
        ("size", -1),
        ("size", "5 GB"),
        ("size", True),
        ("sha256", "abc"),
        ("sha256", 7860),
        ("url", "ftp://example.org/file"),
        ("purpose", ""),
        ("code_licence", None),
    ],
)
def test_a_wrong_value_is_named_with_its_entry(tmp_path, field, value):
    path = write(tmp_path / "models.yaml", ENTRY | {field: value})
    with pytest.raises(InvalidInput, match=rf"models\.yaml: .*{field}.*restore"):
        load_catalogue(path)


@pytest.mark.parametrize("field", ENTRY)
def test_a_missing_field_is_named(tmp_path, field):
    entry = {key: value for key, value in ENTRY.items() if key != field}
    with pytest.raises(InvalidInput, match=f"lacks {field}"):
        load_catalogue(write(tmp_path / "models.yaml", entry))


@pytest.mark.parametrize(
    ("top", "named"),
    [
        ({"files": [ENTRY, ENTRY]}, "some-file is defined twice"),
        ({"sets": {"some-file": ["some-file"]}}, "some-file is defined twice"),
        ({"sets": {"set": ["nobody"]}}, "nobody"),
        ({"sets": {"set": "some-file"}}, "the set set"),
        ({"sets": [1]}, "sets"),
        ({"files": {"a": 1}}, "files"),
        ({"files": ["a"]}, "an entry of files"),
        ({"files": [ENTRY | {"colour": "blue"}]}, "colour"),
        ({"hub": "file:///etc"}, "hub"),
        ({"mirror": "x"}, "mirror"),
    ],
)
def test_a_wrong_catalogue_is_named(tmp_path, top, named):
    with pytest.raises(InvalidInput, match=named):
        load_catalogue(write(tmp_path / "models.yaml", **{"files": [ENTRY], **top}))


@pytest.mark.parametrize(
    "text", ["files: [", "just text", "", "!!python/object/apply:os.getcwd []", "\x00", "[" * 9999]
)
def test_an_invalid_catalogue_is_reported_in_one_sentence(tmp_path, text):
    (tmp_path / "models.yaml").write_text(text)
    with pytest.raises(InvalidInput, match=r"models\.yaml") as caught:
        load_catalogue(tmp_path / "models.yaml")
    assert "\n" not in str(caught.value)


def test_a_missing_catalogue_is_one_sentence(tmp_path):
    with pytest.raises(InvalidInput, match="cannot be read"):
        load_catalogue(tmp_path / "models.yaml")


def test_the_catalogue_lies_in_the_root_of_the_project():
    assert CATALOGUE.is_file()
    assert (CATALOGUE.parent / "pyproject.toml").is_file()


def test_a_file_is_found_under_any_of_its_names_in_the_first_folder(tmp_path):
    (model_file,) = load_catalogue(write(tmp_path / "models.yaml", ENTRY)).files
    first, second = search_folders(model_file, tmp_path)
    assert resolve(model_file, [first, second]) is None
    (second / "file.safetensors").touch()
    assert resolve(model_file, [first, second]) == tmp_path / "file.safetensors"
    first.mkdir()
    (first / "other.safetensors").touch()
    assert resolve(model_file, [first, second]) == tmp_path / "vae" / "other.safetensors"


def test_a_folder_of_the_same_name_is_not_a_file(tmp_path):
    (model_file,) = load_catalogue(write(tmp_path / "models.yaml", ENTRY)).files
    (tmp_path / "file.safetensors").mkdir()
    assert resolve(model_file, [tmp_path]) is None


@pytest.mark.parametrize("environ", [{}, {"ANIMATEX_MODELS": ""}])
def test_models_lie_in_the_cache_by_default(environ):
    assert default_models_folder(environ) == Path.home() / ".cache" / "animatex"


def test_the_environment_names_another_models_folder(tmp_path):
    assert default_models_folder({"ANIMATEX_MODELS": str(tmp_path)}) == tmp_path
    assert default_models_folder({"ANIMATEX_MODELS": "~/models"}) == Path.home() / "models"


def test_an_unknown_home_directory_is_reported():
    with pytest.raises(InvalidInput, match=r"~nosuchuser/x has no known home directory.*ANIMATEX_MODELS"):
        default_models_folder({"ANIMATEX_MODELS": "~nosuchuser/x"})


def test_a_model_file_cannot_be_changed():
    with pytest.raises(dataclasses.FrozenInstanceError):
        load_catalogue().files[0].size = 1  # type: ignore[misc]
