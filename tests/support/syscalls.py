"""Run a program and record what it asks of the system for the files of one folder: writes, syncs, names.

A small strace of its own, so that no machine lacks it: ptrace(2) by way of ctypes, for Linux on x86-64 and ARM64.
Run as a program, in a process of its own, for it waits for all its children:

    python tests/support/syscalls.py RECORD FOLDER PROGRAM [ARGUMENT…]

RECORD gets a pickled list of `Op`s, in the order in which the calls returned; the exit status is the program's.
"""

from __future__ import annotations

import ctypes
import os
import pickle
import platform
import signal
import sys
from dataclasses import dataclass
from pathlib import Path

__all__ = ["Op", "is_supported", "read_record"]

NUMBERS = {
    "x86_64": {
        1: "write", 18: "pwrite", 20: "writev", 74: "fsync", 75: "fsync", 77: "truncate", 76: "truncate_path",
        87: "unlink", 263: "unlinkat", 82: "rename", 264: "renameat", 316: "renameat", 257: "openat", 2: "open",
        285: "fallocate", 296: "writev", 328: "writev", 277: "fsync", 26: "msync", 9: "mmap",
    },
    "aarch64": {
        64: "write", 68: "pwrite", 66: "writev", 82: "fsync", 83: "fsync", 46: "truncate", 45: "truncate_path",
        35: "unlinkat", 38: "renameat", 276: "renameat", 56: "openat", 47: "fallocate", 70: "writev", 287: "writev",
        84: "fsync", 227: "msync", 222: "mmap",
    },
}  # fmt: skip
UNFORESEEN = {"writev", "truncate_path", "rename", "renameat", "fallocate"}
"""What SQLite does not do; if it did, the record would not tell all, so it is an error."""

TRACEME, CONT, SYSCALL, SETOPTIONS, GET_SYSCALL_INFO = 0, 7, 24, 0x4200, 0x420E
TRACESYSGOOD, TRACEFORK, TRACEVFORK, TRACECLONE, EXITKILL = 1, 2, 4, 8, 0x100000
WALL = 0x40000000
ENTRY, EXIT = 1, 2
AT_FDCWD = -100
SHARED_MAPPING, WRITABLE_MAPPING = 1, 2


@dataclass(frozen=True, slots=True)
class Op:
    """One call that changed something: `kind` is write, truncate, fsync, create, unlink, sync_folder or say.

    They are in the order in which they returned; of a sync, `offset` is how many had returned when it began, which are
    those that it vouches for. `say` is what the program wrote to its standard output, at the moment when it began to:
    whoever reads that knows what came before it.
    """

    kind: str
    file: str = ""
    offset: int = 0
    data: bytes = b""


class _Info(ctypes.Structure):
    """`struct ptrace_syscall_info`, where an entry's number and arguments, or an exit's value, follow each other."""

    _fields_ = [
        ("op", ctypes.c_uint8),
        ("pad", ctypes.c_uint8 * 3),
        ("arch", ctypes.c_uint32),
        ("instruction", ctypes.c_uint64),
        ("stack", ctypes.c_uint64),
        ("values", ctypes.c_uint64 * 7),
    ]


def is_supported() -> bool:
    """Whether programs can be recorded on this system."""
    return sys.platform == "linux" and platform.machine() in NUMBERS


def _ptrace(request: int, pid: int, address: int = 0, data: int = 0) -> int:
    result: int = _libc().ptrace(
        ctypes.c_long(request), ctypes.c_long(pid), ctypes.c_void_p(address), ctypes.c_void_p(data)
    )
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, f"ptrace {request:#x} of {pid}: {os.strerror(number)}")
    return result


def _libc() -> ctypes.CDLL:
    libc = ctypes.CDLL(None, use_errno=True)
    libc.ptrace.restype = ctypes.c_long
    return libc


class Recorder:
    """Follows one program and all its threads."""

    def __init__(self, folder: str) -> None:
        self.folder = os.path.realpath(folder)
        self.names = NUMBERS[platform.machine()]
        self.ops: list[Op] = []
        self.entered: dict[int, tuple[str, list[int]]] = {}

    def run(self, command: list[str]) -> int:
        """Run the program to its end; gives its exit status."""
        child = os.fork()
        if child == 0:
            _ptrace(TRACEME, 0)
            os.kill(os.getpid(), signal.SIGSTOP)
            os.execvp(command[0], command)
        os.waitpid(child, WALL)
        _ptrace(SETOPTIONS, child, 0, TRACESYSGOOD | TRACEFORK | TRACEVFORK | TRACECLONE | EXITKILL)
        _ptrace(SYSCALL, child)
        return self.follow(child)

    def follow(self, child: int) -> int:
        """Look at every stop of every thread until the program has ended."""
        while True:
            pid, status = os.waitpid(-1, WALL)
            if os.WIFEXITED(status) or os.WIFSIGNALED(status):
                if pid == child:
                    return os.waitstatus_to_exitcode(status)
                continue
            stopped = os.WSTOPSIG(status)
            passed = 0
            if stopped == signal.SIGTRAP | 0x80:
                self.look(pid)
            elif stopped not in {signal.SIGTRAP, signal.SIGSTOP}:
                passed = stopped
            try:
                _ptrace(SYSCALL, pid, 0, passed)
            except ProcessLookupError:
                continue  # killed meanwhile: its end is told next

    def look(self, pid: int) -> None:
        """A call begins, or has returned."""
        info = _Info()
        _ptrace(GET_SYSCALL_INFO, pid, ctypes.sizeof(info), ctypes.addressof(info))
        if info.op == ENTRY:
            name = self.names.get(info.values[0])
            self.entered.pop(pid, None)
            if name is not None:
                arguments = [ctypes.c_long(value).value for value in info.values[1:]]
                self.enter(pid, name, arguments)
        elif info.op == EXIT and pid in self.entered:
            name, arguments = self.entered.pop(pid)
            result = ctypes.c_long(info.values[0]).value
            if result >= 0:
                self.returned(pid, name, arguments, result)

    def enter(self, pid: int, name: str, arguments: list[int]) -> None:
        """Remember a call until it has returned; a name that is made is known to be new only now."""
        if name in {"open", "openat"}:
            path = self.path_of(pid, arguments[0], arguments[1]) if name == "openat" else self.text(pid, arguments[0])
            if not self.inside(path) or Path(path).exists():
                return
        if name == "write" and arguments[0] == 1:
            self.ops.append(Op("say", data=self.memory(pid, arguments[1], arguments[2])))
            return
        if name == "fsync":
            arguments[1] = len(self.ops)
        self.entered[pid] = (name, arguments)

    def returned(self, pid: int, name: str, arguments: list[int], result: int) -> None:
        """Record what a call did."""
        if name in {"unlink", "unlinkat"}:
            path = self.text(pid, arguments[0]) if name == "unlink" else self.path_of(pid, *arguments[:2])
            if self.inside(path) and not path.endswith("-shm"):
                self.ops.append(Op("unlink", Path(path).name))
            return
        if name in {"rename", "renameat", "truncate_path"}:
            path = self.text(pid, arguments[0]) if name != "renameat" else self.path_of(pid, *arguments[:2])
            if self.inside(path):
                raise NotImplementedError(f"{name} of {path}")
            return
        descriptor = result if name in {"open", "openat"} else arguments[4] if name == "mmap" else arguments[0]
        path = self.opened(pid, descriptor) if name != "msync" else ""
        if path == self.folder and name == "fsync":
            self.ops.append(Op("sync_folder", offset=arguments[1]))
        elif self.inside(path) and not path.endswith("-shm"):
            self.changed(pid, name, Path(path).name, arguments, result)

    def changed(self, pid: int, name: str, file: str, arguments: list[int], result: int) -> None:
        """Record what was done to a file of the folder."""
        if name in UNFORESEEN:
            raise NotImplementedError(f"{name} of {file}")
        if name == "mmap" and arguments[3] & SHARED_MAPPING and arguments[2] & WRITABLE_MAPPING:
            raise NotImplementedError(f"{file} is written through memory")
        if name in {"open", "openat"}:
            self.ops.append(Op("create", file))
        elif name == "pwrite":
            self.ops.append(Op("write", file, arguments[3], self.memory(pid, arguments[1], result)))
        elif name == "write":
            position = self.position(pid, arguments[0]) - result
            self.ops.append(Op("write", file, position, self.memory(pid, arguments[1], result)))
        elif name == "truncate":
            self.ops.append(Op("truncate", file, arguments[1]))
        elif name == "fsync":
            self.ops.append(Op("fsync", file, arguments[1]))

    def inside(self, path: str) -> bool:
        return os.path.dirname(path) == self.folder  # noqa: PTH120 (of a text, on every call's way)

    def opened(self, pid: int, descriptor: int) -> str:
        try:
            return str(Path(f"/proc/{pid}/fd/{descriptor}").readlink()).removesuffix(" (deleted)")
        except OSError:
            return ""

    def path_of(self, pid: int, folder: int, name: int) -> str:
        text = self.text(pid, name)
        if text.startswith("/") or folder == AT_FDCWD:
            return text
        return f"{self.opened(pid, folder)}/{text}"

    def position(self, pid: int, descriptor: int) -> int:
        lines = Path(f"/proc/{pid}/fdinfo/{descriptor}").read_text("ascii").splitlines()
        return int(lines[0].split()[1])

    def memory(self, pid: int, address: int, size: int) -> bytes:
        with Path(f"/proc/{pid}/mem").open("rb", buffering=0) as memory:
            memory.seek(address)
            data = memory.read(size)
        assert len(data) == size
        return data

    def text(self, pid: int, address: int) -> str:
        data = b""
        while b"\0" not in data:
            data += self.memory(pid, address + len(data), 64 - (address + len(data)) % 64)
        return os.path.realpath(os.fsdecode(data.partition(b"\0")[0]), strict=False)


def read_record(path: Path) -> list[Op]:
    """What was recorded."""
    return [Op(*values) for values in pickle.loads(path.read_bytes())]


def main(record: str, folder: str, *command: str) -> int:
    """Record a program."""
    recorder = Recorder(folder)
    status = recorder.run(list(command))
    Path(record).write_bytes(pickle.dumps([(op.kind, op.file, op.offset, op.data) for op in recorder.ops]))
    return status


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
