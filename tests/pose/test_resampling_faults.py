"""A fault of the import of OpenCV: this test fails, and says what is expected."""

import sys
import threading
import time
from pathlib import Path

import pytest

from animatex_core.pose.resampling import import_opencv

SLOW = """
from pathlib import Path
import time
folder = Path(__file__).parent
(folder / "started").touch()
while not (folder / "gate").exists():
    time.sleep(0.001)
"""


def test_other_threads_keep_their_standard_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "cv2.py").write_text(SLOW)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delitem(sys.modules, "cv2", raising=False)
    usual, thread = sys.stderr, threading.Thread(target=import_opencv)
    thread.start()
    try:
        while not (tmp_path / "started").exists():
            time.sleep(0.001)
        during = sys.stderr
    finally:
        (tmp_path / "gate").touch()
        thread.join()
        monkeypatch.delitem(sys.modules, "cv2", raising=False)
    assert during is usual
