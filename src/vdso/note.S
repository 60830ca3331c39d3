// Which kernel this object belongs to: C libraries read it to learn what they may rely on.
#define VERSION_CODE (6 << 16 | 1 << 8 | 0)

        .section .note.Linux, "a", @note
        .balign 4
        .long 2f - 1f           // length of the name
        .long 4f - 3f           // length of the contents
        .long 0                 // type: version
1:      .asciz "Linux"
2:      .balign 4
3:      .long VERSION_CODE
4:      .balign 4
