"""Wall time, CPU time and peak memory of one command, in a process of its own.

python Testing/benchmarks/command_cost.py atlas ct.nii.gz -o atlas.seg.nrrd
"""

from __future__ import annotations

import resource
import subprocess
import sys
import time


def main() -> int:
    """The command's exit code; its cost is the last line."""
    start = time.perf_counter()
    code = subprocess.run([sys.executable, "-m", "AnatomyGuidedLib.cli", *sys.argv[1:]], check=False).returncode
    wall_s = time.perf_counter() - start
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    print(
        f"{wall_s:.2f} s wall, {used.ru_utime + used.ru_stime:.2f} s CPU, "
        f"{used.ru_maxrss / 1024:.0f} MiB peak (exit code {code})"
    )
    return code


if __name__ == "__main__":
    sys.exit(main())
