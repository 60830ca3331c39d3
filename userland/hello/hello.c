// An ordinary C program, linked statically against musl.
#include <stdio.h>

int main(int argc, char** argv) {
    printf("hello from C, %d argument(s)\n", argc);
    for (int i = 1; i < argc; i++) {
        printf("argument %d: %s\n", i, argv[i]);
    }
    return 0;
}
