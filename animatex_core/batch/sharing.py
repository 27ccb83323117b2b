"""A pipeline that computes what the animations of one dance share once."""

from dataclasses import dataclass, field

from ..animate_x.animation import DrivingSource
from ..animate_x.conditioning import MotionFeatures
from ..animate_x.pipeline import AnimateXPipeline


@dataclass(frozen=True)
class SharingPipeline(AnimateXPipeline):
    """A pipeline that encodes a driving video once while it is used for one animation after the other."""

    last: list[tuple[DrivingSource, MotionFeatures]] = field(default_factory=list, repr=False, compare=False)

    @classmethod
    def of(cls, pipeline: AnimateXPipeline) -> "SharingPipeline":
        """Return a pipeline with the same models and settings."""
        return cls(pipeline.networks, pipeline.report, pipeline.sampling, pipeline.dwpose)

    def encode_driving(self, driving: DrivingSource) -> MotionFeatures:
        """Return what the implicit pose indicator reads of a driving video; may raise InvalidInput."""
        if not self.last or self.last[0][0] is not driving:
            self.last.clear()
            self.last.append((driving, super().encode_driving(driving)))
        return self.last[0][1]
