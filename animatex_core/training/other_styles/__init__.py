"""Characters drawn in styles that the training of the small models does not contain."""
