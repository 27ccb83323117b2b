"""Prompts for image and video generators, each with a distinct scene."""

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ...errors import InvalidInput
from ...utils.files import write_text
from ...utils.validation import require_int

_OBJECTS = {
    "fruit and vegetables": (
        "apple, pear, banana, pineapple, strawberry, cherry, lemon, orange, watermelon, grape, avocado, "
        "tomato, carrot, pumpkin, onion, radish, aubergine, broccoli, sweetcorn cob, mushroom, potato, pea "
        "pod, chilli pepper"
    ),
    "food and drink": (
        "loaf of bread, pretzel, croissant, pancake stack, doughnut, cupcake, ice cream cone, slice of "
        "pizza, dumpling, sushi roll, fried egg, cheese wheel, jelly pudding, juice carton, milk bottle, "
        "coffee cup"
    ),
    "plants": "cactus, sunflower, tulip, acorn, pine cone, bonsai tree, maple leaf, clover, dandelion",
    "animals": (
        "rabbit, hedgehog, fox, panda, penguin, frog, owl, turtle, snail, octopus, jellyfish, crab, whale, "
        "bumblebee, ladybird, duckling, sloth, elephant, crocodile, dragon"
    ),
    "things of the house": (
        "teapot, alarm clock, desk lamp, candle, broom, pillow, sock, mitten, umbrella, suitcase, kettle, "
        "toaster, salt shaker, watering can, light bulb, wardrobe, bathtub, toothbrush"
    ),
    "toys, tools and music": (
        "pencil, book, paper plane, balloon, kite, building brick, football, rocking horse, snow globe, "
        "guitar, drum, trumpet, camera, radio, hammer, spanner"
    ),
    "sky, road and fantasy": (
        "cloud, star, crescent moon, raindrop, snowman, planet, rocket, tram, sailing boat, lighthouse, "
        "post box, traffic light, gingerbread house, robot, ghost, treasure chest"
    ),
}
OBJECTS = tuple(thing for things in _OBJECTS.values() for thing in things.split(", "))

SEASONS = {
    "spring": "on a mild spring morning",
    "summer": "on a sunny summer day",
    "autumn": "on a golden autumn afternoon",
    "winter": "on a clear winter day",
}

_PLACES = (
    "on a sandy beach, in a pine forest, on a mountain meadow, beside a lake, on a river bank, in a "
    "vegetable garden, in an orchard, in a city park, on a village square, on a market place, in a quiet "
    "street, on a rooftop, on a wooden bridge, at a harbour, on a railway platform, in front of a castle, "
    "in front of a farmhouse, in front of a school, on a playground, on a football pitch, at a fairground, "
    "in a circus ring, on a theatre stage, in a ballroom, in a living room, in a kitchen, in a library, in "
    "a greenhouse, in a toy shop, in a bakery, in a courtyard, on a terrace with lanterns, in a field of "
    "flowers, beside a windmill, at the foot of a waterfall, in a desert with dunes, in a temple garden, on "
    "a pier, beside a camp fire, on a hill above a town"
)
PLACES = tuple(_PLACES.split(", "))

COUNT = 500  # size of A2Bench
COLUMNS = ("id", "object", "season", "place", "image", "video")
FULL_BODY = "Its whole body is in view"


@dataclass(frozen=True)
class Scene:
    """One entry of a set.

    Attributes:
        id: Number from 0001, used for file names.
        object: Object that the character resembles.
        season: A key of SEASONS.
        place: Location.

    """

    id: str
    object: str
    season: str
    place: str

    @property
    def image(self) -> str:
        """Prompt for the reference image of the character."""
        return (
            f"{self._character}, standing upright {self._setting}. {FULL_BODY}, seen from the front, facing "
            "the viewer."
        )

    @property
    def video(self) -> str:
        """Prompt for the video of the dancing character, for text-to-video or image-to-video models."""
        dance = f"{self._character}, dancing {self._setting}"
        return f"{dance}. {FULL_BODY} all the time, and the camera does not move."

    @property
    def _character(self) -> str:
        return f"A cute anthropomorphic {self.object} with two arms and two legs"

    @property
    def _setting(self) -> str:
        return f"{self.place} {SEASONS[self.season]}"


def draw_scenes(count: int = COUNT, *, seed: int = 0) -> list[Scene]:
    """Draw distinct scenes. Every object occurs equally often (up to one scene).

    The result is deterministic, and a longer list starts with the scenes of a shorter one.

    Args:
        count: Number of scenes.
        seed: Seed of the selection, 0 or more.

    Returns:
        The scenes.

    Raises:
        InvalidInput: The seed is invalid, or there are not enough distinct scenes.

    """
    require_int("count", count)
    require_int("seed", seed, least=0)
    settings = [(season, place) for season in SEASONS for place in PLACES]
    most = len(OBJECTS) * len(settings)
    if count > most:
        raise InvalidInput(f"count is {count}, but there are only {most} distinct scenes: use fewer.")
    rng = np.random.default_rng(seed)
    orders = [rng.permutation(len(settings)) for _ in OBJECTS]  # a separate order of the settings per object
    rounds = -(-count // len(OBJECTS))
    drawn = [
        (thing, orders[thing][turn]) for turn in range(rounds) for thing in rng.permutation(len(OBJECTS))
    ]
    return [
        Scene(f"{number:04d}", OBJECTS[thing], *settings[setting])
        for number, (thing, setting) in enumerate(drawn[:count], start=1)
    ]


def write_scenes(path: Path, scenes: Sequence[Scene]) -> None:
    """Write a CSV file with one row per scene and the columns COLUMNS.

    Raises:
        StorageError: The file cannot be written.

    """
    text = io.StringIO(newline="")
    rows = csv.writer(text)
    rows.writerow(COLUMNS)
    rows.writerows([getattr(scene, column) for column in COLUMNS] for scene in scenes)
    write_text(path, text.getvalue())
