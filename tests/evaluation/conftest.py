"""One models folder for the room, written once."""

import pytest

from animatex_core.hub.models_dir import ModelsDir

from .network_files import write_models


@pytest.fixture(scope="session")
def models(tmp_path_factory: pytest.TempPathFactory) -> ModelsDir:
    """All files of the metrics, with generated weights but for the heads of LPIPS."""
    return ModelsDir(write_models(tmp_path_factory.mktemp("models")))
