/* Plain header.
 *
 * Several threads on one call: the caller's thread leads, others may help.
 *
 * The leader publishes a number of items; whoever is free takes the next few; the leader goes on
 * when all are done. It takes items itself and waits only for those that somebody has taken, so
 * that helpers may come late or never. Threads are started by Python; each calls centaurus_help
 * with memory of its own. What an item computes does not depend on who does it. */

#ifndef CENTAURUS_CREW_H
#define CENTAURUS_CREW_H

#include <stdint.h>

#if defined(_WIN32)
#define GIVE_WAY() ((void)0)
#else
#include <sched.h>
#define GIVE_WAY() ((void)sched_yield())
#endif

typedef struct {
    void (*run)(const void *data, int64_t item, double *memory);
    const void *data;
} Job;

typedef struct {
    int64_t remaining; /* handfuls that nobody has taken: the next one is remaining - 1 */
    int64_t completed;
    int64_t dismissed;
    const Job *job;
    int64_t n_items, handful;
} Crew;

/* Items are taken by the handful, at most twice so many times: small ones would take less time than
 * telling the other threads that they are taken. */
#define HANDFULS 32

/* Looks at an empty list of items before other threads of the machine may have a turn. */
#define LOOKS 100

static int take_item(Crew *crew, double *memory)
{
    int64_t remaining = __atomic_load_n(&crew->remaining, __ATOMIC_ACQUIRE);
    while (remaining > 0) {
        if (__atomic_compare_exchange_n(&crew->remaining, &remaining, remaining - 1, 0,
                                        __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE)) {
            const Job *job = crew->job;
            const int64_t first = (remaining - 1) * crew->handful, left = crew->n_items - first;
            for (int64_t i = 0; i < (left < crew->handful ? left : crew->handful); i++)
                job->run(job->data, first + i, memory);
            __atomic_fetch_add(&crew->completed, 1, __ATOMIC_RELEASE);
            return 1;
        }
    }
    return 0;
}

/* All items of a job, with the crew's help when there is one. */
static void run_items(Crew *crew, const Job *job, int64_t n_items, double *memory)
{
    if (!crew || n_items < 2) {
        for (int64_t item = 0; item < n_items; item++)
            job->run(job->data, item, memory);
        return;
    }
    crew->job = job;
    crew->n_items = n_items;
    crew->handful = n_items > HANDFULS ? n_items / HANDFULS : 1;
    const int64_t n_handfuls = (n_items + crew->handful - 1) / crew->handful;
    __atomic_store_n(&crew->completed, 0, __ATOMIC_RELAXED);
    __atomic_store_n(&crew->remaining, n_handfuls, __ATOMIC_RELEASE);
    while (take_item(crew, memory))
        ;
    for (int64_t looks = 0; __atomic_load_n(&crew->completed, __ATOMIC_ACQUIRE) < n_handfuls;
         looks++)
        if (looks >= LOOKS)
            GIVE_WAY();
}

#endif
