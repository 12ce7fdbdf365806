"""train.py on processes that Accelerate takes for GPUs: on a CPU it would not shard a model out (FSDP)."""

import sys
from typing import Any

from accelerate.state import DistributedType, PartialState

from genelm.training import train

_begin = PartialState.__init__


def begin(self: PartialState, *arguments: Any, **more: Any) -> None:
    _begin(self, *arguments, **more)
    if self.distributed_type == DistributedType.MULTI_CPU:
        self.distributed_type = DistributedType.MULTI_GPU


PartialState.__init__ = begin
train(sys.argv[1:])
