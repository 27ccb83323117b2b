"""Motion capture: BVH files read, posed, seen by a camera and drawn as a mannequin, and poses written as BVH."""
