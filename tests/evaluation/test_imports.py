"""Evaluation sits on top: commands alone know of it."""

from tests.test_package import CORE, imported


def test_nothing_but_commands_imports_evaluation() -> None:
    others = [
        path for path in CORE.rglob("*.py")
        if not {"evaluation", "commands"} & set(path.relative_to(CORE).parts)
    ]  # fmt: skip
    assert len(others) > 100
    assert not {name for path in others for name in imported(path) if "evaluation" in name}


def test_evaluation_knows_nothing_of_training_and_commands() -> None:
    names = {name for path in (CORE / "evaluation").rglob("*.py") for name in imported(path)}
    assert "animatex_core.utils.files" in names
    assert not {
        name for name in names for other in ("training", "commands") if f"animatex_core.{other}" in name
    }
