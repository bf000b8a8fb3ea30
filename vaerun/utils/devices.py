"""How threads and GPUs are shared out among processes on one machine.

What the processor is, and what it is quick at.
"""

import os
from collections.abc import Sequence
from typing import Any


def quick_at_bfloat16(accelerator: str) -> bool:
    """Whether bfloat16 products are faster than float32 ones there."""
    if accelerator == "gpu":
        import torch

        return torch.cuda.is_bf16_supported(including_emulation=False)
    capabilities = cpu()
    return bool(capabilities.get("avx512_bf16") or capabilities.get("amx_bf16"))


def cpu() -> dict[str, Any]:
    """What torch knows of the processor; nothing, where it is older than this function of its."""
    import torch

    return dict(getattr(torch.cpu, "get_capabilities", dict)())


def environments(jobs: int) -> list[dict[str, str]]:
    """What each of some processes at a time finds in its environment, beside the present one."""
    present = os.environ.get("OMP_NUM_THREADS", "")
    n_threads = threads(jobs, cores(), int(present) if present.isdecimal() else None)
    return [
        {"OMP_NUM_THREADS": str(n_threads), "CUDA_VISIBLE_DEVICES": ",".join(share)}
        if share
        else {"OMP_NUM_THREADS": str(n_threads)}
        for share in gpus_of_each(jobs, visible_gpus())
    ]


def threads(jobs: int, n_cores: int, most: int | None) -> int:
    """An even share of the cores, no more than the user allows a process."""
    share = max(n_cores // jobs, 1)
    return share if most is None else min(share, max(most, 1))


def gpus_of_each(jobs: int, gpus: Sequence[str]) -> list[list[str]]:
    """GPUs dealt out in turn; where processes are more, several are on one."""
    if not gpus:
        return [[] for _ in range(jobs)]
    return [list(gpus[i::jobs]) or [gpus[i % len(gpus)]] for i in range(jobs)]


def cores() -> int:
    """Those that this process may use."""
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:  # only Linux knows
        return os.cpu_count() or 1


def visible_gpus() -> list[str]:
    """Numbers or names of the GPUs that this process may use."""
    given = os.environ.get("CUDA_VISIBLE_DEVICES")
    if given is not None:
        return [name.strip() for name in given.split(",") if name.strip()]
    import torch

    return [str(i) for i in range(torch.cuda.device_count())]
