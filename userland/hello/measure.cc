// An ordinary program of Google Benchmark, with Debian's shared library.
#include <benchmark/benchmark.h>
#include <unistd.h>

#include <mutex>
#include <thread>
#include <vector>

namespace {

void compute(benchmark::State& state) {
    for (auto _ : state) {
        long sum = 0;
        for (long i = 0; i < state.range(0); i++) benchmark::DoNotOptimize(sum += i);
    }
    state.SetItemsProcessed(state.iterations() * state.range(0));
}
BENCHMARK(compute)->Arg(16)->Arg(256);

void allocate(benchmark::State& state) {
    for (auto _ : state) {
        std::vector<char> memory(static_cast<std::size_t>(state.range(0)));
        benchmark::DoNotOptimize(memory.data());
    }
}
BENCHMARK(allocate)->Arg(64)->Arg(1 << 20);

void system_call(benchmark::State& state) {
    for (auto _ : state) benchmark::DoNotOptimize(getppid());
}
BENCHMARK(system_call)->Threads(1)->Threads(4)->UseRealTime();

std::mutex shared;
long guarded;
void contend(benchmark::State& state) {
    for (auto _ : state) {
        std::lock_guard guard(shared);
        guarded++;
    }
}
BENCHMARK(contend)->ThreadRange(1, 8);

void start_thread(benchmark::State& state) {
    for (auto _ : state) std::thread([] {}).join();
}
BENCHMARK(start_thread)->MeasureProcessCPUTime();

}  // namespace

BENCHMARK_MAIN();
