/// Stand-in kernel: the instructions that reach devices.
#pragma once

inline void outb(unsigned short port, unsigned char value) {
    asm volatile("outb %0, %1" ::"a"(value), "Nd"(port));
}
inline void outw(unsigned short port, unsigned short value) {
    asm volatile("outw %0, %1" ::"a"(value), "Nd"(port));
}
inline unsigned char inb(unsigned short port) {
    unsigned char value;
    asm volatile("inb %1, %0" : "=a"(value) : "Nd"(port));
    return value;
}
