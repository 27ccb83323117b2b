"""The files that describe the project agree with each other and with what CI runs."""

import re
import xml.etree.ElementTree as ElementTree
from pathlib import Path
from typing import Any

import pytest
import yaml

from animatex_core import __version__

ROOT = Path(__file__).parents[2]
PROJECT = (ROOT / "pyproject.toml").read_text(encoding="utf-8")  # Python 3.10 has no tomllib
FORMS = sorted((ROOT / ".github" / "ISSUE_TEMPLATE").glob("*_*.yml"))
MAX_SIDE = 400  # pixels of an icon in the registry


def read_yaml(name: str) -> Any:
    return yaml.safe_load((ROOT / name).read_text(encoding="utf-8"))


def setting(name: str) -> str:
    found = re.search(rf'^"?{name}"? = "(.+)"$', PROJECT, flags=re.MULTILINE)
    assert found is not None, name
    return found[1]


def test_versions_agree() -> None:
    assert setting("version") == __version__ == str(read_yaml("CITATION.cff")["version"])
    assert re.fullmatch(r"\d+\.\d+\.\d+", __version__)


def test_the_changelog_names_this_version() -> None:
    text = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    titles = re.findall(r"^## \[(.+?)\]", text, flags=re.MULTILINE)
    assert titles[0] == "Unreleased"
    assert __version__ in titles or f"first release, {__version__}" in text
    assert set(titles) <= set(re.findall(r"^\[(.+?)\]: ", text, flags=re.MULTILINE))


def test_addresses_are_of_one_repository() -> None:
    repository = setting("Repository")
    names = ("pyproject.toml", "CITATION.cff", "CHANGELOG.md", ".github/ISSUE_TEMPLATE/config.yml")
    text = "\n".join((ROOT / name).read_text(encoding="utf-8") for name in names)
    found = set(re.findall(r"https://(?:github|raw\.githubusercontent)\.com/([\w-]+/[\w.-]+)", text))
    assert found == {repository.removeprefix("https://github.com/")}
    assert read_yaml("CITATION.cff")["repository-code"] == repository


def test_no_other_document_contains_the_address() -> None:
    documents = [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("web/docs/**/*.md")]
    slug = setting("Repository").removeprefix("https://github.com/")
    assert len(documents) > 20
    found = [path.name for path in documents if slug in path.read_text(encoding="utf-8")]
    assert found == ["CHANGELOG.md"]


def test_the_icon_is_one_that_the_registry_takes() -> None:
    path = ROOT / setting("Icon").partition("/main/")[2]
    assert path.suffix == ".svg"
    image = ElementTree.fromstring(path.read_text(encoding="utf-8"))
    assert 0 < int(image.attrib["width"]) <= MAX_SIDE
    assert 0 < int(image.attrib["height"]) <= MAX_SIDE


def test_both_papers_are_cited() -> None:
    papers = {entry["title"]: entry for entry in read_yaml("CITATION.cff")["references"]}
    assert [title.partition(":")[0] for title in papers] == ["Animate-X", "Animate-X++"]
    assert [len(entry["authors"]) for entry in papers.values()] == [9, 7]
    assert all(entry["authors"][0]["family-names"] == "Tan" for entry in papers.values())


def test_every_python_that_is_supported_is_listed() -> None:
    listed = re.findall(r'"Programming Language :: Python :: (3\.\d+)"', PROJECT)
    assert listed == ["3.10", "3.11", "3.12", "3.13"]
    assert setting("requires-python") == f">={listed[0]}"


def test_pre_commit_runs_what_ci_runs_before_the_tests() -> None:
    (repository,) = read_yaml(".pre-commit-config.yaml")["repos"]
    hooks = [hook["entry"] for hook in repository["hooks"]]
    lines = re.findall(
        r"^\t\$\(BIN\)/(python -m .+)$", (ROOT / "Makefile").read_text(encoding="utf-8"), flags=re.M
    )
    checks = [line for line in lines if not re.search("pip|demo|environments|pytest", line)]
    assert hooks == checks
    assert all(not hook["pass_filenames"] and hook["language"] == "system" for hook in repository["hooks"])


@pytest.mark.parametrize("path", FORMS, ids=lambda path: path.stem)
def test_issue_forms_have_what_github_asks_for(path: Path) -> None:
    form = yaml.safe_load(path.read_text(encoding="utf-8"))
    assert {"name", "description", "body"} <= form.keys()
    ids = [field["id"] for field in form["body"]]
    assert len(set(ids)) == len(ids)
    assert all(field["attributes"]["label"] for field in form["body"])
    assert {field["type"] for field in form["body"]} <= {"textarea", "input", "dropdown"}


def test_bug_reports_ask_for_what_is_needed() -> None:
    form = read_yaml(".github/ISSUE_TEMPLATE/bug_report.yml")
    required = {field["id"] for field in form["body"] if field.get("validations", {}).get("required")}
    assert {"comfyui", "gpu", "log", "workflow"} <= required
