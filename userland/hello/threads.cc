// An ordinary C++ program with 64 threads: mutexes, condition variables, a barrier, futures, thread
// locals and exceptions that cross threads. What it prints does not depend on how they interleave.
#include <array>
#include <atomic>
#include <barrier>
#include <chrono>
#include <condition_variable>
#include <future>
#include <iostream>
#include <mutex>
#include <numeric>
#include <queue>
#include <shared_mutex>
#include <stdexcept>
#include <thread>
#include <vector>

namespace {

constexpr int kThreads = 64;

// Runs `body(number)` in each of 64 threads, and waits for all.
template <class Body>
void in_threads(Body body) {
    std::vector<std::thread> threads;
    for (int i = 0; i < kThreads; i++) threads.emplace_back(body, i);
    for (auto& thread : threads) thread.join();
}

void counting() {
    std::mutex mutex;
    long guarded = 0;
    std::atomic<long> counted = 0;
    in_threads([&](int) {
        for (int i = 0; i < 500; i++) {
            std::lock_guard guard(mutex);
            guarded++;
            counted.fetch_add(1, std::memory_order_relaxed);
        }
    });
    std::cout << "counted " << guarded << ' ' << counted << '\n';
}

// Each waits for its number to be called, and calls the next.
void turns() {
    std::mutex mutex;
    std::condition_variable called;
    int turn = 0;
    std::vector<int> order;
    in_threads([&](int number) {
        for (int lap = 0; lap < 5; lap++) {
            std::unique_lock lock(mutex);
            called.wait(lock, [&] { return turn == lap * kThreads + number; });
            order.push_back(number);
            turn++;
            called.notify_all();
        }
    });
    bool right = order.size() == 5 * kThreads;
    for (std::size_t i = 0; right && i < order.size(); i++) right = order[i] == int(i % kThreads);
    std::cout << "turns " << (right ? "in order" : "in disorder") << '\n';
}

// Half of them put, half take, through a queue of eight.
void store() {
    std::mutex mutex;
    std::condition_variable filled, emptied;
    std::queue<long> items;
    std::atomic<long> in = 0, out = 0;
    in_threads([&](int number) {
        for (long i = 0; i < 200; i++) {
            std::unique_lock lock(mutex);
            if (number % 2 == 0) {
                emptied.wait(lock, [&] { return items.size() < 8; });
                items.push(number * i);
                in += number * i;
                filled.notify_one();
            } else {
                filled.wait(lock, [&] { return !items.empty(); });
                out += items.front();
                items.pop();
                emptied.notify_one();
            }
        }
    });
    std::cout << "store " << in << ' ' << out << ' ' << items.size() << '\n';
}

void phases() {
    std::barrier barrier(kThreads);
    std::array<std::atomic<int>, 10> arrived{};
    std::atomic<int> early = 0;
    in_threads([&](int) {
        for (auto& phase : arrived) {
            phase++;
            barrier.arrive_and_wait();
            if (phase != kThreads) early++;
        }
    });
    std::cout << "phases " << arrived.back() << ", early " << early << '\n';
}

thread_local int own = 0;
void locals_and_readers() {
    std::shared_mutex mutex;
    std::once_flag once;
    int calls = 0, value = 0, torn = 0;
    in_threads([&](int number) {
        own = number;
        std::call_once(once, [&] { calls++; });
        for (int i = 0; i < 50; i++) {
            if (number % 8 == 0) {
                std::unique_lock lock(mutex);
                value += 2;
            } else {
                std::shared_lock lock(mutex);
                if (value % 2 != 0) torn++;
            }
            if (own != number) torn++;
        }
    });
    std::cout << "once " << calls << ", value " << value << ", torn " << torn << '\n';
}

void futures() {
    std::vector<std::future<int>> results;
    for (int i = 0; i < kThreads; i++) {
        results.push_back(std::async(std::launch::async, [i] {
            if (i % 16 == 5) throw std::out_of_range("number " + std::to_string(i));
            std::this_thread::sleep_for(std::chrono::microseconds(i * 10));
            return i * i;
        }));
    }
    int sum = 0;
    for (auto& result : results) {
        try {
            sum += result.get();
        } catch (const std::out_of_range& error) {
            std::cout << "caught " << error.what() << '\n';
        }
    }
    std::cout << "futures " << sum << '\n';
}

void stopping() {
    std::atomic<int> seen = 0;
    {
        std::mutex mutex;
        std::condition_variable_any never;
        std::vector<std::jthread> threads;
        for (int i = 0; i < kThreads; i++) {
            threads.emplace_back([&](std::stop_token token) {
                std::unique_lock lock(mutex);
                never.wait(lock, token, [] { return false; });
                seen += token.stop_requested();
            });
        }
    }  // which asks them to stop, and waits
    std::cout << "stopped " << seen << std::endl;
}

}  // namespace

int main() {
    counting();
    turns();
    store();
    phases();
    locals_and_readers();
    futures();
    stopping();
    return 7;
}
