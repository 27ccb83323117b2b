"""Making sets in the manner of A2Bench: prompts for generators, and the screening of the clips they give."""
