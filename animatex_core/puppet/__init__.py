"""The puppet: a picture of a character cut into parts that follow the bones, without any network."""
