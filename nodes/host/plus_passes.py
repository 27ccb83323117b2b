"""Which passes of a sampler are conditional: said by the CONDITIONING itself.

ComfyUI numbers the passes, but what a number stands for is the guider's affair.
"""

from collections.abc import Sequence

from comfy.conds import CONDRegular

from .conditions import Conditioning

KEY = "animatex_plus"


class PassKind(CONDRegular):
    """Says of a pass whether it is conditional, on its way through ComfyUI's sampling to the model.

    It has neither tensor nor `dtype`: ComfyUI leaves it as it is, and batches it with any other.
    """

    def __init__(self, conditional: bool) -> None:
        super().__init__(None)
        self.conditional = conditional

    def process_cond(self, batch_size: int, **_: object) -> "PassKind":
        """Return what belongs to a batch of latents."""
        return self

    def can_concat(self, other: "PassKind") -> bool:
        """Whether both passes can run as one batch."""
        return True

    def concat(self, others: Sequence["PassKind"]) -> list["PassKind"]:
        """Return what the model gets for several passes in one batch."""
        return [self, *others]

    def size(self) -> list[int]:
        """Return a size, which is counted for nothing."""
        return [1]


def said_to_be(conditioning: Conditioning, conditional: bool) -> Conditioning:
    """Return a copy that says of its passes whether they are conditional."""
    kind = {KEY: PassKind(conditional)}
    return [
        [tensor, {**values, "model_conds": {**values.get("model_conds", {}), **kind}}]
        for tensor, values in conditioning
    ]


def conditional_passes(kinds: Sequence[PassKind] | None, numbers: Sequence[int]) -> list[bool]:
    """Return for each pass of a batch whether it is conditional.

    kinds: what the conditionings say, None where they say nothing; then 0 among ComfyUI's numbers is.
    """
    if kinds is None:
        return [number == 0 for number in numbers]
    return [kind.conditional for kind in kinds]
