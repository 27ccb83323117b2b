"""One models folder for the room, written once."""

import pytest

from animatex_core.models_folder import ModelsFolder

from .network_files import write_models


@pytest.fixture(scope="session")
def models(tmp_path_factory: pytest.TempPathFactory) -> ModelsFolder:
    """All files of the metrics, with generated weights but for the heads of LPIPS."""
    return ModelsFolder(write_models(tmp_path_factory.mktemp("models")))
