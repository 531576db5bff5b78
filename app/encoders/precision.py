"""The number formats that a network can compute in, and which of them this processor has."""

from enum import StrEnum
from pathlib import Path

CPUINFO = Path("/proc/cpuinfo")

BFLOAT16_FLAGS = frozenset(("avx512_bf16", "amx_bf16"))
"""Linux's names for the x86 instructions that compute in it; without them it is emulated."""

LEAST_COSINE = 0.999
"""Cosine that a vector computed in bfloat16 needs with the same in float32."""


class Precision(StrEnum):
    """A number format, or `auto`, which leaves the choice to the machine."""

    AUTO = "auto"
    """bfloat16 where the processor has it and it is exact enough for the network, else float32."""
    FLOAT32 = "float32"
    BFLOAT16 = "bfloat16"
    """Products of 8-bit mantissas, added up in float32: half the work, the same range."""


def has_bfloat16(cpuinfo: Path = CPUINFO) -> bool:
    """Return whether this processor multiplies in bfloat16."""
    try:
        text = cpuinfo.read_text()
    except OSError:  # not Linux
        return False
    flags = next((line for line in text.splitlines() if line.startswith("flags")), "")
    return not BFLOAT16_FLAGS.isdisjoint(flags.split())
