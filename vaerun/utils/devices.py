"""Cores and GPUs of a machine shared among processes; whether it is fast at bfloat16."""

import os
from collections.abc import Sequence
from typing import Any


def quick_at_bfloat16(accelerator: str) -> bool:
    """Whether bfloat16 products are faster than float32 ones on an accelerator."""
    if accelerator == "gpu":
        import torch

        return torch.cuda.is_bf16_supported(including_emulation=False)
    capabilities = cpu()
    return bool(capabilities.get("avx512_bf16") or capabilities.get("amx_bf16"))


def cpu() -> dict[str, Any]:
    """Capabilities of the processor; empty where torch is too old to report them."""
    import torch

    return dict(getattr(torch.cpu, "get_capabilities", dict)())


def environments(jobs: int) -> list[dict[str, str]]:
    """Environment variables for each of ``jobs`` processes: its threads and its GPUs."""
    present = os.environ.get("OMP_NUM_THREADS", "")
    n_threads = threads(jobs, cores(), int(present) if present.isdecimal() else None)
    return [
        {"OMP_NUM_THREADS": str(n_threads)}
        | ({"CUDA_VISIBLE_DEVICES": ",".join(gpus)} if gpus else {})
        for gpus in gpus_of_each(jobs, visible_gpus())
    ]


def threads(jobs: int, n_cores: int, most: int | None) -> int:
    """Threads of each process: an even share of the cores, at most what the user allows."""
    share = max(n_cores // jobs, 1)
    return share if most is None else min(share, max(most, 1))


def gpus_of_each(jobs: int, gpus: Sequence[str]) -> list[list[str]]:
    """GPUs of each process, dealt in turn; if there are fewer GPUs, processes share them."""
    if not gpus:
        return [[] for _ in range(jobs)]
    return [list(gpus[i::jobs]) or [gpus[i % len(gpus)]] for i in range(jobs)]


def cores() -> int:
    """Number of cores that this process may use."""
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:  # Linux only
        return os.cpu_count() or 1


def visible_gpus() -> list[str]:
    """Numbers or names of the GPUs that this process may use."""
    given = os.environ.get("CUDA_VISIBLE_DEVICES")
    if given is not None:
        return [name.strip() for name in given.split(",") if name.strip()]
    import torch

    return [str(i) for i in range(torch.cuda.device_count())]
