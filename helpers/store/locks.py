"""Claims by lock file: what is under way in one process is not made a second time by another.

A claim is held by the system (``flock``) for as long as a process has the file open. It ends with
the process, however that ends, so that a killed run leaves no claim behind for someone to clear. A
process may hand its claim to a child (`pass_fds` of :class:`subprocess.Popen`): it then lasts until
both have ended. Where the file system knows no such locks, everything is claimed by everyone: work
may be done twice, but as files are written whole or not at all, nothing is lost. So it is where the
lock file itself cannot be written.
"""

import contextlib
import errno
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

_WITHOUT = (errno.ENOLCK, errno.ENOSYS, errno.ENOTSUP, errno.EINVAL)  # no locks on this file system


@contextmanager
def claimed(file: Path, *, wait: bool = False) -> Iterator[int | None]:
    """Claim a lock file within a ``with``; it is removed afterwards, unless an error ended it.

    After an error a child may still hold it; the file that stays is no claim by itself.

    Parameters
    ----------
    file
        The lock file; its folder is made.
    wait
        Whether to wait for one who holds it.

    Yields
    ------
    int or None
        The claim's file descriptor, to be handed on to a child; None if another one holds it.
    """
    handle = _opened(file, wait)
    try:
        yield handle
        if handle is not None and _is_still(file, handle):
            file.unlink(missing_ok=True)  # while it is held: who waits for it then begins anew
    finally:
        if handle is not None:
            os.close(handle)


def _opened(file: Path, wait: bool) -> int | None:
    while True:
        try:
            file.parent.mkdir(parents=True, exist_ok=True)
            handle = os.open(file, os.O_RDWR | os.O_CREAT, 0o644)
        except OSError:  # a folder that cannot be written: what is kept there may still be read
            return os.open(os.devnull, os.O_RDWR)
        try:
            held = _locked(handle, wait)
        except BaseException:
            os.close(handle)
            raise
        if held and _is_still(file, handle):
            with contextlib.suppress(OSError):  # a full disk: then no one can say who holds it
                os.ftruncate(handle, 0)
                os.pwrite(handle, f"process {os.getpid()} on {socket.gethostname()}\n".encode(), 0)
            return handle
        os.close(handle)
        if not held:
            return None


def _locked(handle: int, wait: bool) -> bool:
    if fcntl is None:
        return True
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
    except BlockingIOError:
        return False
    except OSError as error:
        if error.errno not in _WITHOUT:
            raise
    return True


def _is_still(file: Path, handle: int) -> bool:
    """Whether the name still means the file that was locked: who held it may have removed it."""
    try:
        return os.path.samestat(file.stat(), os.fstat(handle))
    except OSError:  # it is gone, or there was none
        return False


def holder(file: Path) -> str:
    """Who holds a claim, such as "process 12 on laptop"; empty if no one does."""
    if fcntl is None or not file.exists():
        return ""
    try:
        handle = os.open(file, os.O_RDWR)
    except OSError:
        return ""
    try:
        fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return os.pread(handle, 200, 0).decode(errors="replace").strip() or "another process"
    except OSError:
        return ""
    finally:
        os.close(handle)
    return ""
