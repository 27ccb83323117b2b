"""Names from outside stay inside their directory."""

from pathlib import Path

import pytest

from animatex_core.errors import InvalidInput
from animatex_core.utils.validation import safe_join


@pytest.mark.parametrize(
    ("name", "inside"),
    [
        ("dance.json", "dance.json"),
        ("a/b/dance.json", "a/b/dance.json"),
        ("a\\dance.json", "a/dance.json"),
        (".hidden..json", ".hidden..json"),
        ("跳舞　1.json", "跳舞　1.json"),
    ],
)
def test_names_inside_the_folder_are_accepted(tmp_path: Path, name: str, inside: str) -> None:
    assert safe_join(tmp_path, name, "the folder") == tmp_path / inside


@pytest.mark.parametrize(
    "name",
    [
        "",
        " ",
        ".",
        "..",
        "../x",
        "a/../../x",
        "a/../x",
        "..\\x",
        "a\\..\\..\\x",
        "/etc/passwd",
        "\\\\host\\share\\x",
        "C:\\x",
        "C:x",
        "x:stream",
        "a//b",
        "a/",
        "x\0y",
        "x\ny",
        "\ud800",
        "x" * 201,
        "a/" + "舞" * 70,
    ],
)
def test_other_names_are_refused_with_one_sentence(tmp_path: Path, name: str) -> None:
    with pytest.raises(InvalidInput, match=r"^The name .* give the name of a file inside the folder\.$"):
        safe_join(tmp_path, name, "the folder")


def test_links_out_of_the_folder_are_refused(tmp_path: Path) -> None:
    folder, outside = tmp_path / "folder", tmp_path / "outside"
    folder.mkdir()
    outside.mkdir()
    (folder / "inner").symlink_to(folder / "other", target_is_directory=True)
    (folder / "outer").symlink_to(outside, target_is_directory=True)
    (folder / "file").symlink_to(outside / "file")
    assert safe_join(folder, "inner/x", "it") == folder / "inner" / "x"
    for name in ("outer/x", "file"):
        with pytest.raises(InvalidInput, match="follows a link"):
            safe_join(folder, name, "it")


def test_a_folder_that_is_a_link_itself_will_do(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "real", target_is_directory=True)
    assert safe_join(tmp_path / "link", "x", "it") == tmp_path / "link" / "x"
