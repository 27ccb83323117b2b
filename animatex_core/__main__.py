"""`python -m animatex_core`: an interruption while the library is still being imported ends quietly too."""

import sys

try:
    from .cli.main import run

    run()
except KeyboardInterrupt:
    sys.stderr.write("animatex: interrupted.\n")
    sys.exit(130)
