"""The puppet: an image of a character cut into parts that follow the bones, without any network."""
