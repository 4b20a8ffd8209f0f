"""Runs a TorchScript program behind what walls the system has. A script of its own: it imports nothing of this package.

It reads the program from standard input, puts up the walls and only then looks at it. What follows are requests: frames
and mels as two little-endian int64, then float32 values; it answers with a count of samples and float32 samples.

The walls, each left out where the system lacks it:
- limits of the process: no further file can be opened, none can grow, no core dump, at most `MEMORY` of data;
- Landlock (Linux 5.13): no path of the file system can be opened, changed or executed, no TCP connection be made;
- seccomp (Linux on x86-64 and ARM64): a list of system calls that computing needs; all others fail. A thread can be
  started, a process cannot.
"""

import ctypes
import io
import os
import platform
import struct
import sys
from typing import IO, Any

resource: Any
try:
    import resource
except ImportError:  # Windows
    resource = None

MEMORY = 8 << 30  # bytes; a choice
READY = b"ready"
LITTLE = "<q"

_PR_SET_NO_NEW_PRIVS = 38
_LANDLOCK_CREATE_RULESET, _LANDLOCK_RESTRICT_SELF = 444, 446  # the same on every architecture
_LANDLOCK_VERSION = 1
_FILE_RIGHTS = {1: 13, 2: 14, 3: 15, 4: 15, 5: 16}  # rights on files that a version of Landlock knows
_NET_RIGHTS, _SCOPES = 0b11, 0b11  # bind and connect TCP; abstract sockets and signals

_SECCOMP_SET_MODE_FILTER, _SECCOMP_TSYNC = 1, 1
_ALLOW, _ERRNO, _KILL = 0x7FFF0000, 0x00050000, 0x80000000
_EPERM, _ENOSYS = 1, 38
_LOAD, _EQUAL, _ANY_BIT, _RETURN = 0x20, 0x15, 0x45, 0x06  # classic BPF
_NUMBER_AT, _ARCH_AT, _FIRST_ARGUMENT_AT = 0, 4, 16
_CLONE_THREAD = 0x10000
# name: number on x86-64, on ARM64
_CALLS = {
    "read": (0, 63),
    "write": (1, 64),
    "close": (3, 57),
    "fstat": (5, 80),
    "lseek": (8, 62),
    "mmap": (9, 222),
    "mprotect": (10, 226),
    "munmap": (11, 215),
    "brk": (12, 214),
    "rt_sigaction": (13, 134),
    "rt_sigprocmask": (14, 135),
    "rt_sigreturn": (15, 139),
    "sched_yield": (24, 124),
    "mremap": (25, 216),
    "madvise": (28, 233),
    "nanosleep": (35, 101),
    "getpid": (39, 172),
    "exit": (60, 93),
    "gettimeofday": (96, 169),
    "getrusage": (98, 165),
    "sysinfo": (99, 179),
    "sigaltstack": (131, 132),
    "gettid": (186, 178),
    "futex": (202, 98),
    "sched_getaffinity": (204, 123),
    "clock_gettime": (228, 113),
    "clock_getres": (229, 114),
    "clock_nanosleep": (230, 115),
    "exit_group": (231, 94),
    "set_robust_list": (273, 99),
    "getcpu": (309, 168),
    "getrandom": (318, 278),
    "membarrier": (324, 283),
    "rseq": (334, 293),
}
_MACHINES = {  # column of the table, audit architecture, seccomp, clone, clone3
    "x86_64": (0, 0xC000003E, 317, 56, 435),
    "aarch64": (1, 0xC00000B7, 277, 220, 435),
}


def confine() -> list[str]:
    """Put up every wall that the system has; gives their names."""
    if sys.platform != "linux":
        return ["limits"] if _limits() else []
    libc = ctypes.CDLL(None, use_errno=True)
    libc.syscall.restype = ctypes.c_long
    if libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0:
        return ["limits"] if _limits() else []
    walls = {"landlock": _landlock(libc), "limits": _limits(), "seccomp": _seccomp(libc)}  # each forbids those before
    return [name for name, stands in walls.items() if stands]


def _limits() -> bool:
    if resource is None:
        return False
    for name, most in (("CORE", 0), ("FSIZE", 0), ("DATA", MEMORY), ("NOFILE", 3)):  # 3: the pipes, and no more
        try:
            resource.setrlimit(getattr(resource, f"RLIMIT_{name}"), (most, most))
        except (ValueError, OSError):  # macOS knows no limit of data
            if name == "NOFILE":
                return False
    return True


def _landlock(libc: ctypes.CDLL) -> bool:
    """Handle every right and grant none."""
    version = libc.syscall(_LANDLOCK_CREATE_RULESET, None, ctypes.c_size_t(0), _LANDLOCK_VERSION)
    if version < 1:
        return False
    files = (1 << _FILE_RIGHTS[min(version, 5)]) - 1
    rules = struct.pack("<3Q", files, _NET_RIGHTS if version >= 4 else 0, _SCOPES if version >= 6 else 0)
    # the struct has grown with the versions: files, then the network (4), then scopes (6)
    rules = rules[: 8 if version < 4 else 16 if version < 6 else 24]
    handle = libc.syscall(_LANDLOCK_CREATE_RULESET, rules, ctypes.c_size_t(len(rules)), 0)
    if handle < 0:
        return False
    held = libc.syscall(_LANDLOCK_RESTRICT_SELF, handle, 0) == 0
    os.close(handle)
    return bool(held)


def _seccomp(libc: ctypes.CDLL) -> bool:
    """Every thread of the process keeps to `_CALLS`."""
    if platform.machine() not in _MACHINES:
        return False
    column, arch, seccomp, clone, clone3 = _MACHINES[platform.machine()]
    code = _filter([numbers[column] for numbers in _CALLS.values()], arch, clone, clone3)
    buffer = ctypes.create_string_buffer(code)
    program = struct.pack("HxxxxxxP", len(code) // 8, ctypes.addressof(buffer))
    return libc.syscall(seccomp, _SECCOMP_SET_MODE_FILTER, _SECCOMP_TSYNC, program) == 0


def _filter(allowed: list[int], arch: int, clone: int, clone3: int) -> bytes:
    """The filter in classic BPF: each instruction is a code, two jumps (if so, if not) and a number."""
    lines = [
        (_LOAD, 0, 0, _ARCH_AT),  # numbers mean other calls under another ABI
        (_EQUAL, 1, 0, arch),
        (_RETURN, 0, 0, _KILL),
        (_LOAD, 0, 0, _NUMBER_AT),
        (_EQUAL, 0, 1, clone3),  # its flags lie in memory, where a filter cannot see: the C library then takes clone
        (_RETURN, 0, 0, _ERRNO | _ENOSYS),
        (_EQUAL, 0, 3, clone),
        (_LOAD, 0, 0, _FIRST_ARGUMENT_AT),
        (_ANY_BIT, len(allowed) + 2, 0, _CLONE_THREAD),
        (_RETURN, 0, 0, _ERRNO | _EPERM),
        *((_EQUAL, len(allowed) - place, 0, number) for place, number in enumerate(allowed)),
        (_RETURN, 0, 0, _ERRNO | _EPERM),
        (_RETURN, 0, 0, _ALLOW),
    ]
    return b"".join(struct.pack("<HBBI", *line) for line in lines)


def _warm_up(torch: Any) -> None:
    """Have the kernels look at the processor while they can: NNPACK reads /proc/cpuinfo when it is first used."""
    torch.set_num_threads(1)
    signal = torch.zeros(1, 16, 64)
    torch.nn.functional.conv1d(signal, torch.zeros(16, 16, 3))
    torch.nn.functional.conv2d(signal[None], torch.zeros(1, 1, 3, 3))
    torch.fft.irfft(torch.fft.rfft(signal @ signal.mT))


def _serve(source: IO[bytes], sink: IO[bytes]) -> None:
    """Take the program in, confine this process, answer requests until the pipe closes."""
    import numpy
    import torch

    _warm_up(torch)
    threads, length = struct.unpack("<qq", source.read(16))
    program = io.BytesIO(source.read(length))
    walls = ",".join(confine()).encode()
    # after the walls: Landlock holds the threads that begin behind it, and not those before
    torch.set_num_threads(threads)
    model = torch.jit.load(program, map_location="cpu").eval()
    sink.write(READY + struct.pack(LITTLE, len(walls)) + walls)
    sink.flush()
    while header := source.read(16):
        frames, mels = struct.unpack("<qq", header)
        values = numpy.frombuffer(source.read(4 * frames * mels), "<f4").reshape(1, frames, mels)
        with torch.inference_mode():
            wave = model(torch.from_numpy(values.copy())).float().flatten().numpy()
        sink.write(struct.pack(LITTLE, len(wave)) + wave.astype("<f4").tobytes())
        sink.flush()


if __name__ == "__main__":
    _serve(sys.stdin.buffer, sys.stdout.buffer)
