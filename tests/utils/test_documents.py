"""Plain-value files: content that is too large, too deep or invalid is refused with a clear message."""

from pathlib import Path

import pytest

from animatex_core.utils.documents import FileFault, parse_json, parse_yaml, read_json, read_text, read_yaml
from animatex_core.utils.validation import short_repr
from tests.support.peak_memory import linux, measured

LAUGHS = "a0: &a0 [x, x]\n" + "".join(f"a{n}: &a{n} [*a{n - 1}, *a{n - 1}]\n" for n in range(1, 40))
MERGED = "a0: &a0 {x: 1}\n" + "".join(f"a{n}: &a{n} {{<<: [*a{n - 1}, *a{n - 1}]}}\n" for n in range(1, 40))

JSON_FAULTS = {
    "empty": (b"", "is not JSON"),
    "cut off": (b'{"a": [1, ', "is not JSON"),
    "latin-1": ('{"a": "\u00e9"}'.encode("latin-1"), "is not UTF-8"),
    "utf-16": ('{"a": 1}'.encode("utf-16"), "is not UTF-8"),
    "deep": (b"[" * 100_000, "nested deeper"),
    "deep enough to parse": (b"[" * 400 + b"]" * 400, "nested deeper"),
    "deep objects": (b'{"a":' * 200 + b"1" + b"}" * 200, "nested deeper"),
    "many objects": (b"[" + b"{}," * 600_000 + b"{}]", "lists and objects"),
    "large": (b"[" + b"1," * (9 << 20) + b"1]", "larger than"),
    "digits": (b"1" * 5000, "is not JSON"),
}
YAML_FAULTS = {
    "not YAML": (b"a: [", "is not YAML"),
    "latin-1": ("a: \u00e9".encode("latin-1"), "is not UTF-8"),
    "control characters": (b"a: \x00", "is not YAML"),
    "deep": (b"[" * 5000, "nested deeper"),
    "number to the base of 60": (b"a: 1" + b":1" * 300_000, "a number of more than 100 digits"),
    "hexadecimal number": (b"a: 0x" + b"f" * 9000, "a number of more than 100 digits"),
    "digits": (b"a: " + b"1" * 9000, "a number of more than 100 digits"),
    "deep enough to compose": (b"[" * 150 + b"]" * 150, "nested deeper"),
    "laughs": (LAUGHS.encode(), "entries"),
    "merged": (MERGED.encode(), "entries"),
    "itself": (b"a: &a [*a]", "nested deeper"),
    "large": (b"# " + b"x" * (2 << 20), "larger than"),
    "date": (b"a: 2024-99-99", "is not YAML"),
    "binary": (b"a: !!binary '\xc3\xa9'", "is not YAML"),
    "int": (b"a: !!int x", "is not YAML"),
    "object": (b"a: !!python/object/apply:os.system [ls]", "is not YAML"),
    "list as a key": (b"? [a]\n: b", "is not YAML"),
}


@pytest.mark.parametrize("fault", JSON_FAULTS)
def test_json_that_cannot_be_used_is_named(tmp_path: Path, fault: str) -> None:
    content, message = JSON_FAULTS[fault]
    (tmp_path / "a.json").write_bytes(content)
    with pytest.raises(FileFault, match=message) as error:
        read_json(tmp_path / "a.json")
    assert len(str(error.value)) < 300


@pytest.mark.parametrize("fault", YAML_FAULTS)
def test_yaml_that_cannot_be_used_is_named(tmp_path: Path, fault: str) -> None:
    content, message = YAML_FAULTS[fault]
    (tmp_path / "a.yaml").write_bytes(content)
    with pytest.raises(FileFault, match=message) as error:
        read_yaml(tmp_path / "a.yaml")
    assert len(str(error.value)) < 300


def test_what_is_sound_is_read(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_bytes('\ufeff{"a": [1, 2.5, null, "\u00e9"]}'.encode())
    assert read_json(tmp_path / "a.json") == {"a": [1, 2.5, None, "\u00e9"]}
    assert parse_json("[" * 100 + "]" * 100)
    assert parse_yaml("a: &a [1, 2]\nb: *a\nc: {<<: {d: 1}, e: 2}") == {
        "a": [1, 2],
        "b": [1, 2],
        "c": {"d": 1, "e": 2},
    }
    assert parse_yaml("") is None
    with pytest.raises(OSError, match="No such file"):
        read_text(tmp_path / "none.txt")


@linux
@pytest.mark.parametrize("name", ["a.json", "a.yaml"])
def test_a_large_file_is_not_even_read(tmp_path: Path, name: str) -> None:
    with (tmp_path / name).open("wb") as file:
        file.truncate(8 << 30)
    call = measured("tests.utils.test_documents", "read_named", tmp_path / name)
    assert call.raised == "TooLarge"
    assert call.peak < 100 << 20


@linux
@pytest.mark.parametrize("fault", ["many objects", "large"])
def test_a_refusal_takes_little_memory(tmp_path: Path, fault: str) -> None:
    (tmp_path / "a.json").write_bytes(JSON_FAULTS[fault][0])
    assert measured("tests.utils.test_documents", "read_named", tmp_path / "a.json").peak < 80 << 20


def read_named(name: str) -> object:
    return read_json(Path(name)) if name.endswith("json") else read_yaml(Path(name))


def repr_id(value: object) -> str:
    return type(value).__name__


@pytest.mark.parametrize(
    "value", [10**5000, "x" * 10**6, [[[[[0]]]]] * 1000, {"a": list(range(10**5))}], ids=repr_id
)
def test_values_in_sentences_are_short(value: object) -> None:
    assert len(short_repr(value)) < 400


def test_small_values_are_shown_whole() -> None:
    assert short_repr("wide") == repr("wide")
    assert short_repr(-1) == "-1"
    assert short_repr([1.5, None]) == "[1.5, None]"
