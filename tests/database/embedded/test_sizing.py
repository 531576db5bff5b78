"""The embedded server's settings follow the machine."""

import pytest

from app.database.embedded.sizing import MIB, server_settings


@pytest.mark.parametrize(
    ("memory", "buffers", "maintenance"),
    [(256, 128, 64), (4096, 1024, 512), (65536, 2048, 2048)],
)
def test_settings_follow_the_memory(memory: int, buffers: int, maintenance: int) -> None:
    settings = server_settings(memory * MIB, 4, None)
    assert settings["shared_buffers"] == f"{buffers}MB"
    assert settings["maintenance_work_mem"] == f"{maintenance}MB"
    assert settings["max_parallel_maintenance_workers"] == "4"
    assert "dynamic_shared_memory_type" not in settings


@pytest.mark.parametrize(("shared", "kind"), [(64, "mmap"), (1024, "mmap"), (4096, "posix")])
def test_a_small_shared_memory_is_not_built_upon(shared: int, kind: str) -> None:
    settings = server_settings(8192 * MIB, 4, shared * MIB)
    assert settings["dynamic_shared_memory_type"] == kind
