"""A models directory that is shared by the package and written once."""

import pytest

from animatex_core.hub.models_dir import ModelsDir

from .network_files import write_models


@pytest.fixture(scope="session")
def models(tmp_path_factory: pytest.TempPathFactory) -> ModelsDir:
    """All files of the metrics, with generated weights except for the heads of LPIPS."""
    return ModelsDir(write_models(tmp_path_factory.mktemp("models")))
