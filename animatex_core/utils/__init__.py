"""Helpers for every package: files, documents, validation, devices, progress and text."""
