"""The machine that kernels are compiled for: this one."""

from __future__ import annotations

from typing import Any

import llvmlite.binding as llvm


def target_machine() -> Any:
    """LLVM's description of this processor, for position-independent code."""
    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    return llvm.Target.from_default_triple().create_target_machine(
        cpu=llvm.get_host_cpu_name(),
        features=llvm.get_host_cpu_features().flatten(),
        opt=3,
        reloc="pic",
        codemodel="small",
    )
