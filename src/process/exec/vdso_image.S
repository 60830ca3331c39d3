// The vDSO as it was linked, on pages of its own. `-I` leads to where it was built.
        .section .rodata.vdso, "a"
        .balign 4096
        .globl vdso_image, vdso_image_end
vdso_image:
        .incbin "vdso.so"
vdso_image_end:
        .balign 4096
