"""What the prompts of a set are made of: objects that come alive, seasons, and places."""

OBJECTS = (
    # fruit and vegetables
    "apple", "pear", "banana", "pineapple", "strawberry", "cherry", "lemon", "orange", "watermelon", "grape",
    "avocado", "tomato", "carrot", "pumpkin", "onion", "radish", "aubergine", "broccoli", "sweetcorn cob",
    "mushroom", "potato", "pea pod", "chilli pepper",
    # food and drink
    "loaf of bread", "pretzel", "croissant", "pancake stack", "doughnut", "cupcake", "ice cream cone",
    "slice of pizza", "dumpling", "sushi roll", "fried egg", "cheese wheel", "jelly pudding", "juice carton",
    "milk bottle", "coffee cup",
    # plants
    "cactus", "sunflower", "tulip", "acorn", "pine cone", "bonsai tree", "maple leaf", "clover", "dandelion",
    # animals
    "rabbit", "hedgehog", "fox", "panda", "penguin", "frog", "owl", "turtle", "snail", "octopus", "jellyfish",
    "crab", "whale", "bumblebee", "ladybird", "duckling", "sloth", "elephant", "crocodile", "dragon",
    # things of the house
    "teapot", "alarm clock", "desk lamp", "candle", "broom", "pillow", "sock", "mitten", "umbrella",
    "suitcase", "kettle", "toaster", "salt shaker", "watering can", "light bulb", "wardrobe", "bathtub",
    "toothbrush",
    # toys, tools and music
    "pencil", "book", "paper plane", "balloon", "kite", "building brick", "football", "rocking horse",
    "snow globe", "guitar", "drum", "trumpet", "camera", "radio", "hammer", "spanner",
    # sky, road and fancy
    "cloud", "star", "crescent moon", "raindrop", "snowman", "planet", "rocket", "tram", "sailing boat",
    "lighthouse", "post box", "traffic light", "gingerbread house", "robot", "ghost", "treasure chest",
)  # fmt: skip

SEASONS = {
    "spring": "on a mild spring morning",
    "summer": "on a sunny summer day",
    "autumn": "on a golden autumn afternoon",
    "winter": "on a clear winter day",
}

PLACES = (
    "on a sandy beach", "in a pine forest", "on a mountain meadow", "beside a lake", "on a river bank",
    "in a vegetable garden", "in an orchard", "in a city park", "on a village square", "on a market place",
    "in a quiet street", "on a rooftop", "on a wooden bridge", "at a harbour", "on a railway platform",
    "in front of a castle", "in front of a farmhouse", "in front of a school", "on a playground",
    "on a football pitch", "at a fairground", "in a circus ring", "on a theatre stage", "in a ballroom",
    "in a living room", "in a kitchen", "in a library", "in a greenhouse", "in a toy shop", "in a bakery",
    "in a courtyard", "on a terrace with lanterns", "in a field of flowers", "beside a windmill",
    "at the foot of a waterfall", "in a desert with dunes", "in a temple garden", "on a pier",
    "beside a camp fire", "on a hill above a town",
)  # fmt: skip
