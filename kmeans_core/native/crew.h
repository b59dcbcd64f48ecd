/* Several threads on one call: the caller's thread leads, others may help.
 *
 * The leader publishes a number of items; whoever is free takes one at a time; the leader goes on
 * when all are done. It takes items itself and waits only for those that somebody has taken, so
 * that helpers may come late or never. Threads are started by Python; each calls centaurus_help
 * with memory of its own. What an item computes does not depend on who does it. */

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
    int64_t remaining; /* items that nobody has taken: the next one is remaining - 1 */
    int64_t completed;
    int64_t dismissed;
    const Job *job;
} Crew;

/* Looks at an empty list of items before other threads of the machine may have a turn. */
#define LOOKS 100

static int take_item(Crew *crew, double *memory)
{
    int64_t remaining = __atomic_load_n(&crew->remaining, __ATOMIC_ACQUIRE);
    while (remaining > 0) {
        if (__atomic_compare_exchange_n(&crew->remaining, &remaining, remaining - 1, 0,
                                        __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE)) {
            const Job *job = crew->job;
            job->run(job->data, remaining - 1, memory);
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
    __atomic_store_n(&crew->completed, 0, __ATOMIC_RELAXED);
    __atomic_store_n(&crew->remaining, n_items, __ATOMIC_RELEASE);
    while (take_item(crew, memory))
        ;
    for (int64_t looks = 0; __atomic_load_n(&crew->completed, __ATOMIC_ACQUIRE) < n_items; looks++)
        if (looks >= LOOKS)
            GIVE_WAY();
}
