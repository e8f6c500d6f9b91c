"""The machine that kernels are compiled for: this one."""

from __future__ import annotations

from typing import Any

import llvmlite.binding as llvm


def processor_features() -> str:
    """The instructions of this processor, in LLVM's notation.

    LLVM keeps to half the width of a 512-bit register because the first processors that had them
    slowed down when they were used. Those with the VBMI2 instructions and later do not.
    """
    features = llvm.get_host_cpu_features()
    known: str = features.flatten()
    return known + (",-prefer-256-bit" if features.get("avx512vbmi2") else "")


def target_machine() -> Any:
    """LLVM's description of this processor, for position-independent code."""
    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    return llvm.Target.from_default_triple().create_target_machine(
        cpu=llvm.get_host_cpu_name(),
        features=processor_features(),
        opt=3,
        reloc="pic",
        codemodel="small",
    )
