"""What the processor is, and what it is quick at."""

from typing import Any

import torch


def quick_at_bfloat16(accelerator: str) -> bool:
    """Whether bfloat16 products are faster than float32 ones there."""
    if accelerator == "gpu":
        return torch.cuda.is_bf16_supported(including_emulation=False)
    capabilities = cpu()
    return bool(capabilities.get("avx512_bf16") or capabilities.get("amx_bf16"))


def cpu() -> dict[str, Any]:
    """What torch knows of the processor; nothing, where it is older than this function of its."""
    return dict(getattr(torch.cpu, "get_capabilities", dict)())
