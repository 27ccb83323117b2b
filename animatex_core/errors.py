"""The exceptions and warnings of this library.

    AnimateXError
    ├── InvalidInput            an argument, option or input file that cannot be used (also a ValueError)
    ├── CheckpointError         a weights file that cannot be used
    │   ├── WrongCheckpoint     keys or shapes differ from those of the model
    │   ├── UnsafeCheckpoint    a pickle that would have to run code
    │   └── DamagedCheckpoint   truncated, or not a checkpoint
    ├── DownloadError           a download that failed or is incomplete
    ├── StorageError            no space or no permission to write
    ├── MissingDependency       an optional package that is not installed
    ├── OutOfMemory             the device has too little memory
    ├── Cancelled               stopped by the caller
    └── ProcessFailed           another process of the same run ended

    AnimateXWarning             a problem that does not stop the work (a UserWarning)

Each message is one sentence: what was wrong, what was expected, and what to do.
"""

import warnings


class AnimateXError(Exception):
    """Base class of all exceptions of this library."""


class InvalidInput(AnimateXError, ValueError):
    """An argument, option or input file that cannot be used."""


class CheckpointError(AnimateXError):
    """A weights file that cannot be used."""


class WrongCheckpoint(CheckpointError):
    """A readable weights file whose keys or shapes belong to another model."""


class UnsafeCheckpoint(CheckpointError):
    """A pickle that would have to run code to be read. Nothing in it was executed."""


class DamagedCheckpoint(CheckpointError):
    """A file that is truncated or not a checkpoint."""


class DownloadError(AnimateXError):
    """A download that failed or is incomplete."""


class StorageError(AnimateXError):
    """A file that could not be written."""


class MissingDependency(AnimateXError, ImportError):
    """An optional package that is needed but not installed."""


class OutOfMemory(AnimateXError, MemoryError):
    """The device has too little memory."""


class Cancelled(AnimateXError):
    """The caller stopped the work."""


class ProcessFailed(AnimateXError):
    """Another process of the same run ended or failed unexpectedly."""


class AnimateXWarning(UserWarning):
    """A problem that does not stop the work."""


def warn(message: str, stacklevel: int = 2) -> None:
    """Issue an AnimateXWarning.

    Args:
        message: One sentence: what was found, and what is done about it.
        stacklevel: The frame that the warning is attributed to, counted as in `warnings.warn`: 1 is the
            function that calls `warn`, 2 its caller.

    """
    warnings.warn(AnimateXWarning(message), stacklevel=stacklevel + 1)
