"""Small pose models of generated weights."""

from animatex_core.animate_x.components import init_random_weights
from animatex_core.pose.detector import OBJECTNESS
from animatex_core.pose.torch_models import SmallDWPose

RARE = -6.0  # objectness logit: few cells contain a person, as at the start of YOLOX's training


def generated_nets(seed: int = 0) -> SmallDWPose:
    """Return models whose detector finds nobody and whose points are random."""
    models = SmallDWPose()
    init_random_weights(models, seed)
    for name, values in models.detector.heads.state_dict().items():
        if name.endswith("bias"):
            values[OBJECTNESS] = RARE
    return models
