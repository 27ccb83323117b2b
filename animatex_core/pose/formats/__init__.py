"""Pose files of OpenPose and other programs, read into one form and written."""
