"""Values of independent implementations, which `about` in the file describes."""

import json
from pathlib import Path
from typing import Any

REFERENCE: dict[str, Any] = json.loads(Path(__file__).with_name("reference.json").read_text(encoding="utf-8"))
CLOSE = 1e-4  # relative error
