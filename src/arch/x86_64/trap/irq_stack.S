// call_on_stack(first /* rdi */, second /* rsi */, top /* rdx */, function /* rcx */)
//
// The old stack pointer stays in rbp, which the function must preserve.
        .text
        .globl call_on_stack
        .type  call_on_stack, @function
call_on_stack:
        push %rbp
        mov %rsp, %rbp
        mov %rdx, %rsp
        call *%rcx                              // first and second are where they belong
        leave
        ret
        .size call_on_stack, . - call_on_stack
