"""Everything this library raises for what a user can cause.

    AnimateXError
    ├── InvalidInput            a value that cannot work (also a ValueError)
    ├── CheckpointError         a file that cannot be used
    │   ├── WrongCheckpoint     other keys or shapes than the model has
    │   ├── UnsafeCheckpoint    a pickle that asks for code to be run
    │   └── DamagedCheckpoint   truncated or not a checkpoint at all
    ├── DownloadError           a file that did not arrive whole
    ├── StorageError            no space or no permission to write
    ├── MissingDependency       an optional package that is not installed
    ├── OutOfMemory             the device is too small for what was asked
    └── Cancelled               the caller asked to stop

    AnimateXWarning             what a user should know of work that goes on (a UserWarning)

Each message is one sentence that names the input, what was found and what to do.
"""


class AnimateXError(Exception):
    """Base of all errors of this library."""


class InvalidInput(AnimateXError, ValueError):
    """A value from outside that cannot work."""


class CheckpointError(AnimateXError):
    """A weights file that cannot be used."""


class WrongCheckpoint(CheckpointError):
    """A readable file whose keys or shapes belong to something else."""


class UnsafeCheckpoint(CheckpointError):
    """A pickle that would have to run code to be read. It was not run."""


class DamagedCheckpoint(CheckpointError):
    """A file that is truncated or no checkpoint at all."""


class DownloadError(AnimateXError):
    """A file that did not arrive whole."""


class StorageError(AnimateXError):
    """A file that could not be written."""


class MissingDependency(AnimateXError, ImportError):
    """An optional package that the asked-for work needs."""


class OutOfMemory(AnimateXError, MemoryError):
    """The device has too little memory for what was asked."""


class Cancelled(AnimateXError):
    """The caller asked to stop."""


class AnimateXWarning(UserWarning):
    """Something that a user should know of, while the work goes on."""
