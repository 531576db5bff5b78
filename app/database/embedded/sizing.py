"""The settings of the embedded Postgres, sized to the machine."""

import os
import shutil
import sys
import tempfile
from pathlib import Path

import psutil

from app.database.embedded.account import ServerUser

SETTINGS_FILE = "lookalike.conf"
MIB = 1 << 20
SHARED_MEMORY = Path("/dev/shm")  # noqa: S108 - looked at, never written
CGROUP_LIMITS = (
    Path("/sys/fs/cgroup/memory.max"),
    Path("/sys/fs/cgroup/memory/memory.limit_in_bytes"),
)


def server_settings(memory: int, cores: int, shared: int | None) -> dict[str, str]:
    """Return Postgres's settings for a machine.

    Args:
        memory: of the machine or container, in bytes.
        cores: number of processors.
        shared: free bytes of /dev/shm; None where shared memory is no file system (macOS).
    """
    maintenance = min(max(memory // 8, 64 * MIB), 2048 * MIB) // MIB
    settings = {
        "shared_buffers": f"{min(max(memory // 4, 128 * MIB), 2048 * MIB) // MIB}MB",
        "maintenance_work_mem": f"{maintenance}MB",
        "max_parallel_maintenance_workers": str(cores),
        "max_parallel_workers": str(max(8, cores)),
        "max_worker_processes": str(max(8, cores + 4)),
        "max_wal_size": "4GB",
        "max_connections": "100",
        "jit": "off",
        "log_min_duration_statement": "-1",
        "unix_socket_permissions": "0700",
    }
    if shared is not None:
        # A parallel HNSW build takes the whole of maintenance_work_mem as one shared segment, and
        # other parallel queries need theirs too. Containers often have 64 MB in all.
        fits = shared >= (maintenance + 128) * MIB
        settings["dynamic_shared_memory_type"] = "posix" if fits else "mmap"
    return settings


def write_settings(data: Path, user: ServerUser) -> None:
    """Write this machine's settings into the data folder; `ALTER SYSTEM` still overrides them."""
    settings = server_settings(_memory(), _cores(), _free_shared_memory())
    for leftover in data.glob(f"{SETTINGS_FILE}.*"):
        leftover.unlink(missing_ok=True)
    # Not through the name itself, which the server's user could make a link to any file.
    descriptor, fresh = tempfile.mkstemp(prefix=f"{SETTINGS_FILE}.", dir=data)
    with os.fdopen(descriptor, "w") as file:
        file.write("# Rewritten at every start: change settings with ALTER SYSTEM.\n")
        file.writelines(f"{name} = '{value}'\n" for name, value in settings.items())
    user.own(Path(fresh))
    Path(fresh).replace(data / SETTINGS_FILE)


def _memory() -> int:
    total = psutil.virtual_memory().total
    for limit in CGROUP_LIMITS:
        text = limit.read_text().strip() if limit.is_file() else ""
        if text.isdigit():  # "max" if there is no limit
            total = min(total, int(text))
    return total


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if sys.platform == "linux" else os.cpu_count() or 1


def _free_shared_memory() -> int | None:
    if sys.platform != "linux":
        return None
    return shutil.disk_usage(SHARED_MEMORY).free if SHARED_MEMORY.is_dir() else 0
