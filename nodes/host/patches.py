"""What other nodes change inside of a MODEL's network, which only the networks that they know have."""

from collections.abc import Mapping
from typing import Any

from ...animatex_core.errors import InvalidInput

KINDS = ("patches", "patches_replace")


def check_patches(transformer_options: Mapping[str, Any]) -> None:
    """Raise InvalidInput where a node has changed layers: Animate-X's would never hear of it.

    Perturbed-attention and self-attention guidance do so, HyperTile, token merging and Kohya Deep Shrink.
    """
    named = [
        name for kind in KINDS for name, patches in (transformer_options.get(kind) or {}).items() if patches
    ]
    if named:
        raise InvalidInput(
            f"A node has changed {', '.join(sorted(set(named)))} in the MODEL, which Animate-X's network "
            "does not have: take out the node in front of the sampler, such as attention guidance, HyperTile "
            "or token merging."
        )
