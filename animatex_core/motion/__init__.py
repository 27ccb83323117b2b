"""Motion capture: BVH files read, posed, projected and drawn as a mannequin; poses written as BVH."""
