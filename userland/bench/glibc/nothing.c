/// The program of the exec benchmarks that is built as everybody's are: with glibc, static and with
/// shared libraries. It ends at once.
int main(void) { return 0; }
