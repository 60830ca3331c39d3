/* What a process goes on with while others change what it sees. */
#include "vmtool/vmtool.h"

static volatile uint64_t* word_of(const struct order* order) {
    return (volatile uint64_t*)(uintptr_t)order->at;
}

static uint64_t read_on(const struct order* order) {
    struct post* const post = &common->post[order->who];
    answer(post->last = *word_of(order));
    for (int last = 0; !last; post->rounds++) {
        last = (int)post->stop; /* once more after that */
        post->last = *word_of(order);
    }
    return 0;
}

static uint64_t write_on(const struct order* order) {
    struct post* const post = &common->post[order->who];
    uint64_t value = *word_of(order);
    *word_of(order) = value;
    answer(0);
    for (int last = 0; !last; post->rounds++) {
        last = (int)post->stop;
        *word_of(order) = post->last = ++value;
    }
    return 0;
}

static uint64_t run_on(const struct order* order) {
    struct post* const post = &common->post[order->who];
    answer(0);
    while (!post->stop) post->rounds++;
    return 0;
}

static uint64_t race(const struct order* order) {
    answer(0);
    __atomic_fetch_add(&common->at_the_line, 1, __ATOMIC_SEQ_CST);
    while (common->at_the_line % order->value != 0) continue;
    volatile uint64_t* const own = word_of(order) + 1 + order->who;
    for (uint64_t page = 0; page < order->n; page++) own[page * PAGE_WORDS] = order->who;
    return 0;
}

void go_on(const struct order* order) {
    struct post* const post = &common->post[order->who];
    post->stop = post->ended = 0;
    post->rounds = post->fault = 0;
    uint64_t (*const loop)(const struct order*) = order->what == READ_ON    ? read_on
                                                  : order->what == WRITE_ON ? write_on
                                                  : order->what == RUN_ON   ? run_on
                                                                            : race;
    post->fault = attempt(loop, order) & ~FAULT;
    post->ended = 1;
}
