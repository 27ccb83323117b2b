"""Pose files of OpenPose and other programs: reading them into one form, and writing OpenPose's."""
