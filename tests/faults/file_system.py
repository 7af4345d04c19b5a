"""Small file systems of one's own, which fill up and become read-only.

    if file_system.missing(): ...
    file_system.enter()                 # once: mounts are seen by nobody else
    with file_system.Small(directory, mib=8) as disk:
        disk.fill()
        disk.make_room()
        disk.set_read_only(True)

A tmpfs in a mount namespace that this process and what it starts share. Needs
root.
"""

import ctypes
import errno
import os
import subprocess
import time

from tests.deploy import container

_CLONE_NEWNS = 0x20000
_DEADLINE = 60
_FILLER = "filler"


def missing():
    """Why there can be none here; None if there can."""
    return container.missing()


def _run(*words):
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    return done.returncode, done.stderr.strip()


def enter():
    """Raises OSError."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(_CLONE_NEWNS) != 0:
        raise OSError(ctypes.get_errno(), "unshare")
    code, why = _run(container.tool("mount"), "--make-rprivate", "/")
    if code != 0:
        raise OSError(errno.EPERM, why)


class Small:

    def __init__(self, directory, mib):
        self._directory = directory
        self._mib = mib
        os.makedirs(directory, exist_ok=True)

    def __enter__(self):
        code, why = _run(container.tool("mount"), "-t", "tmpfs", "-o",
                         f"size={self._mib}m", "tmpfs", self._directory)
        if code != 0:
            raise OSError(errno.EPERM, why)
        return self

    def __exit__(self, *_):
        # Whatever still has files open there keeps it until it ends.
        _run(container.tool("umount"), "--lazy", self._directory)

    def fill(self, leave=0):
        """To the last byte but `leave`."""
        chunk = b"\0" * 4096
        with open(f"{self._directory}/{_FILLER}", "ab", buffering=0) as file:
            try:
                while os.write(file.fileno(), chunk) > 0:
                    pass
            except OSError as error:
                if error.errno != errno.ENOSPC:
                    raise
            if leave:
                os.ftruncate(file.fileno(), max(
                    0, os.fstat(file.fileno()).st_size - leave))

    def make_room(self):
        os.remove(f"{self._directory}/{_FILLER}")

    def set_read_only(self, is_read_only):
        """Waits until nothing is being written there."""
        limit = time.monotonic() + _DEADLINE
        way = "ro" if is_read_only else "rw"
        while True:
            code, why = _run(container.tool("mount"), "-o", f"remount,{way}",
                             self._directory)
            if code == 0:
                return
            if time.monotonic() > limit:
                raise OSError(errno.EBUSY, why)
            time.sleep(0.01)
