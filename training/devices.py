"""What the device at hand can do: its precision, its threads, its memory."""

import ctypes
import os
import platform
import resource
import sys

import torch

from genelm.storage import LOAD, InputError, usable_cores

from .options import TrainingConfig

_M_TRIM_THRESHOLD, _M_MMAP_MAX = -1, -4
"""Of glibc's malloc.h."""


def choose_precision(asked: str, device: torch.device) -> str:
    """Return in which precision training steps multiply matrices: `no` (float32), `bf16` or `fp16`.

    Args:
        asked: one of these, or `auto`: bf16 or fp16 if `accelerate launch` was asked for that, otherwise bf16 where
            the device has products of its own for it (elsewhere it would be slower than float32). The launcher says
            `no` by default, so that its `no` cannot be told from nothing.
        device: on which the model is trained.

    Raises:
        InputError: fp16 is asked for on a CPU, where Accelerate would train in float32 and not say so.
    """
    launched = os.environ.get("ACCELERATE_MIXED_PRECISION", "no")
    wanted = launched if asked == "auto" else asked
    if wanted == "fp16" and device.type == "cpu":
        raise InputError(
            "A CPU does not train in fp16; choose --mixed_precision auto, which takes bf16 where it has it."
        )
    if asked != "auto" or launched != "no":
        return wanted
    if device.type == "cuda":
        return "bf16" if torch.cuda.is_bf16_supported(including_emulation=False) else "no"
    if device.type == "cpu":
        return "bf16" if _cpu_has_bf16() else "no"
    return "no"


def _cpu_has_bf16() -> bool:
    """Return whether the processor has products in bfloat16."""
    if not hasattr(torch.cpu, "get_capabilities"):  # PyTorch 2.7
        return bool(torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported())
    has = torch.cpu.get_capabilities()
    return bool(has.get("avx512_bf16") or has.get("amx_bf16"))


def prepare_cpu(config: TrainingConfig, threads_before: int | None) -> list[str]:
    """Return this process its share of the cores, and let it keep the memory it once had.

    `accelerate launch` would leave a process on a CPU one thread. And a step takes and gives back hundreds of
    megabytes, which glibc would hand back to the kernel each time, to have them cleared anew page by page.

    Args:
        config: of the run.
        threads_before: of the run that this one goes on with; as many make it end in the same bits.

    Returns:
        What a user should know of the number of threads.
    """
    if platform.libc_ver()[0] == "glibc":
        libc = ctypes.CDLL(None)
        libc.mallopt(_M_MMAP_MAX, 0)
        libc.mallopt(_M_TRIM_THRESHOLD, 2**31 - 1)
    cores, processes = len(usable_cores()), int(os.environ.get("LOCAL_WORLD_SIZE", "1"))
    share = max(1, cores // processes)
    # Processes of one run load their libraries at once, and would take each other for other programs.
    free = LOAD.free_cores() if processes == 1 else share
    threads = config.cpu_threads or min(threads_before or free, share)
    torch.set_num_threads(threads)
    if config.cpu_threads or threads == share:
        return []
    if threads_before:
        return [f"Computing on {threads} of {share} cores, as before; --cpu_threads changes that."]
    return [
        f"Other programs take the processor, so this run computes on {threads} of {share} cores: on more it would be "
        f"slower. --cpu_threads {share} takes all."
    ]


def device_name(device: torch.device) -> str:
    """Return what records call a device."""
    return torch.cuda.get_device_name(device) if device.type == "cuda" else device.type


def peak_memory(device: torch.device) -> int:
    """Return the most bytes this process has held so far: of a GPU's memory, or of the machine's on a CPU."""
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


def is_out_of_memory(error: Exception) -> bool:
    """Return whether an error is Python's, PyTorch's or one of CUDA's libraries', of memory that is not there."""
    said = ("can't allocate memory", "std::bad_alloc", "CUBLAS_STATUS_ALLOC_FAILED", "CUDNN_STATUS_ALLOC_FAILED")
    return isinstance(error, MemoryError | torch.OutOfMemoryError) or any(words in str(error) for words in said)
