"""The number format that a network computes in, and what this processor is good at."""

from enum import StrEnum
from pathlib import Path

CPUINFO = Path("/proc/cpuinfo")

BFLOAT16_FLAGS = frozenset(("avx512_bf16", "amx_bf16"))
"""What Linux calls an x86 processor's own instructions for it; without them it is emulated."""

LEAST_COSINE = 0.999
"""How much a vector in bfloat16 has to agree with the same in float32."""


class Precision(StrEnum):
    """A number format, or the word that leaves the choice to the machine."""

    AUTO = "auto"
    """bfloat16 where the processor has it and the network bears it, else float32."""
    FLOAT32 = "float32"
    BFLOAT16 = "bfloat16"
    """Products of 8-bit mantissas, summed up in float32: half the work, and all the range."""


def has_bfloat16() -> bool:
    """Return whether this processor multiplies in bfloat16."""
    try:
        text = CPUINFO.read_text()
    except OSError:  # not Linux
        return False
    flags = next((line for line in text.splitlines() if line.startswith("flags")), "")
    return not BFLOAT16_FLAGS.isdisjoint(flags.split())
