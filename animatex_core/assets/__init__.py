"""Files that ship with the package: small models, the demo, training configurations, pages."""

from pathlib import Path

ASSETS = Path(__file__).parent
