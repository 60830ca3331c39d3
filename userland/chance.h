/* Chance that can be had again: every draw follows from the seed. */
#ifndef VITRINE_CHANCE_H
#define VITRINE_CHANCE_H

#include <stdint.h>

struct chance {
    uint64_t state;
};
/* Any number (splitmix64). */
static inline uint64_t draw(struct chance* from) {
    uint64_t z = from->state += 0x9e3779b97f4a7c15;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
    z = (z ^ z >> 27) * 0x94d049bb133111eb;
    return z ^ z >> 31;
}
/* A number less than `limit`, which is not 0. */
static inline unsigned below(struct chance* from, unsigned limit) {
    return (unsigned)(draw(from) % limit);
}

#endif
