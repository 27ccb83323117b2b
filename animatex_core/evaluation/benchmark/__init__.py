"""The benchmark: runs systems on the cases of a set in the paper's two settings and scores them."""
