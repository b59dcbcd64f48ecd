/* Template header, once per instruction set.
 *
 * k-means++ seeds: drawing.draw. */

#ifndef CENTAURUS_SEEDING_H
#define CENTAURUS_SEEDING_H

#include "../plain/crew.h"
#include "vectors.h"

/* One block of points, [start, start + count): lower `nearest` (SEED_BLOCK) to the squared distance
 * from a point, or begin with that. */
static TARGET void NAME(lower_to)(const Problem *p, int64_t point, int begin, int64_t start,
                                  int64_t count, double *nearest)
{
    const int64_t n = p->n;
    double distance[SEED_BLOCK];
    for (int64_t i = 0; i < p->d; i++) {
        const double *column = p->columns + i * n + start;
        const double centre = p->columns[i * n + point];
        for (int64_t m = 0; m < count; m++) {
            const double offset = column[m] - centre;
            distance[m] = i == 0 ? offset * offset : distance[m] + offset * offset;
        }
    }
    if (begin)
        memcpy(nearest, distance, (size_t)count * sizeof(double));
    else
        for (int64_t m = 0; m < count; m++)
            nearest[m] = distance[m] < nearest[m] ? distance[m] : nearest[m];
}

/* The same from several points at once: the squared distance from the nearest of them. Distances
 * stay in registers, so that this costs a third of one point after the other. */
static TARGET void NAME(nearest_of)(const Problem *p, const int64_t *points, int64_t n_points,
                                    int64_t start, int64_t count, double *nearest)
{
    const int64_t n = p->n;
    int64_t m = 0;
    for (; m + 4 * W <= count; m += 4 * W) {
        V b0 = SET1(INFINITY), b1 = b0, b2 = b0, b3 = b0;
        for (int64_t s = 0; s < n_points; s++) {
            const double *x = p->columns + start + m, *centre = p->columns + points[s];
            V d0 = SET1(0.0), d1 = d0, d2 = d0, d3 = d0;
            for (int64_t i = 0; i < p->d; i++, x += n, centre += n) {
                const V at = SET1(*centre);
                const V o0 = SUB(LOAD(x), at), o1 = SUB(LOAD(x + W), at);
                const V o2 = SUB(LOAD(x + 2 * W), at), o3 = SUB(LOAD(x + 3 * W), at);
                d0 = FMA(o0, o0, d0), d1 = FMA(o1, o1, d1);
                d2 = FMA(o2, o2, d2), d3 = FMA(o3, o3, d3);
            }
            b0 = MIN(d0, b0), b1 = MIN(d1, b1), b2 = MIN(d2, b2), b3 = MIN(d3, b3);
        }
        STORE(nearest + m, b0), STORE(nearest + m + W, b1);
        STORE(nearest + m + 2 * W, b2), STORE(nearest + m + 3 * W, b3);
    }
    for (int64_t s = 0; s < n_points && m < count; s++)
        NAME(lower_to)(p, points[s], s == 0, start + m, count - m, nearest + m);
}

/* Sum over a block; sets what lies beyond its last point to zero. */
static TARGET double NAME(sum_of_block)(double *nearest, int64_t count)
{
    double lanes[8] = {0.0};
    for (int64_t m = count; m < SEED_BLOCK; m++)
        nearest[m] = 0.0;
    for (int64_t m = 0; m < SEED_BLOCK; m += 8)
        for (int64_t lane = 0; lane < 8; lane++)
            lanes[lane] += nearest[m + lane];
    return ((lanes[0] + lanes[1]) + (lanes[2] + lanes[3])) +
           ((lanes[4] + lanes[5]) + (lanes[6] + lanes[7]));
}

/* The block in which the running sum of squared distances passes `target`; what has passed before.
 */
static TARGET int64_t NAME(pick_block)(int64_t n_blocks, const double *block_sums, double target,
                                double *passed)
{
    int64_t block = -1;
    double before = 0.0;
    for (int64_t b = 0; b < n_blocks; b++) {
        if (!(block_sums[b] > 0.0))
            continue;
        block = b;
        *passed = before;
        before += block_sums[b];
        if (before > target)
            break;
    }
    return block;
}

/* The next seed of one restart, given the first `m`: where the running sum of the squared distances
 * passes uniform times their total. Never a point at distance zero, unless all are: then each is as
 * likely. kept (n, padded): the distances, null when they were not kept. */
static TARGET int64_t NAME(pick)(const Problem *p, const int64_t *seeds, int64_t m, double uniform,
                                 const double *block_sums, const double *kept)
{
    const int64_t n = p->n, n_blocks = (n + SEED_BLOCK - 1) / SEED_BLOCK;
    double again[SEED_BLOCK], total = 0.0, passed = 0.0;
    for (int64_t b = 0; b < n_blocks; b++)
        total += block_sums[b];
    if (!(total > 0.0)) {
        const int64_t any = (int64_t)(uniform * (double)n);
        return any < n ? any : n - 1;
    }
    double target = uniform * total;
    if (!(target < total))
        target = nextafter(total, 0.0);
    const int64_t start = NAME(pick_block)(n_blocks, block_sums, target, &passed) * SEED_BLOCK;
    const int64_t count = n - start < SEED_BLOCK ? n - start : SEED_BLOCK;
    const double *nearest = kept ? kept + start : again;
    if (!kept)
        NAME(nearest_of)(p, seeds, m, start, count, again);
    /* Rounding may leave the sum just short of the target: then it is the block's last point. */
    int64_t last = start;
    for (int64_t i = 0; i < count && !(passed > target); i++) {
        if (nearest[i] > 0.0) {
            last = start + i;
            passed += nearest[i];
        }
    }
    return last;
}

/* One block of all points, for all restarts: its sums of the distances from the first m seeds. */
static TARGET void NAME(measure_block)(const Problem *p, int64_t n_restarts, int64_t n_seeds,
                                       const int64_t *rows, int64_t m, int64_t b, double *sums,
                                       double *kept)
{
    const int64_t n = p->n, n_blocks = (n + SEED_BLOCK - 1) / SEED_BLOCK, start = b * SEED_BLOCK;
    const int64_t count = n - start < SEED_BLOCK ? n - start : SEED_BLOCK, next = start + count;
    const int64_t left = n - next < SEED_BLOCK ? n - next : SEED_BLOCK;
    double again[SEED_BLOCK];
    for (int64_t i = 0; i < p->d; i++)
        fetch_early(p->columns + i * n, next, left);
    for (int64_t r = 0; r < n_restarts; r++) {
        double *nearest = kept ? kept + r * n_blocks * SEED_BLOCK + start : again;
        if (kept)
            fetch_early(nearest, SEED_BLOCK, left);
        if (kept)
            NAME(lower_to)(p, rows[r * n_seeds + m - 1], m == 1, start, count, nearest);
        else
            NAME(nearest_of)(p, rows + r * n_seeds, m, start, count, nearest);
        sums[r * n_blocks + b] = NAME(sum_of_block)(nearest, count);
    }
}

/* Item: one part of the points, for the restarts at hand. */
static TARGET void NAME(measure_part)(const void *data, int64_t part, double *memory)
{
    const Draws *all = data;
    const int64_t n = all->p->n, first = part * part_length(n), end = end_of_part(n, first);
    (void)memory;
    for (int64_t b = first / SEED_BLOCK; b * SEED_BLOCK < end; b++)
        NAME(measure_block)(all->p, all->n_restarts, all->n_seeds, all->rows, all->m, b,
                            all->sums, all->kept);
}

/* The seeds of a few restarts. */
static TARGET void NAME(draw)(Draws *all, Crew *crew)
{
    const int64_t n = all->p->n, n_seeds = all->n_seeds;
    const int64_t n_blocks = (n + SEED_BLOCK - 1) / SEED_BLOCK;
    const Job job = {NAME(measure_part), all};
    for (int64_t r = 0; r < all->n_restarts; r++) {
        const int64_t first = (int64_t)(all->uniforms[r * n_seeds] * (double)n);
        all->rows[r * n_seeds] = first < n ? first : n - 1;
    }
    for (all->m = 1; all->m < n_seeds; all->m++) {
        run_items(crew, &job, part_count(n), NULL);
        for (int64_t r = 0; r < all->n_restarts; r++)
            all->rows[r * n_seeds + all->m] =
                NAME(pick)(all->p, all->rows + r * n_seeds, all->m,
                           all->uniforms[r * n_seeds + all->m], all->sums + r * n_blocks,
                           all->kept ? all->kept + r * n_blocks * SEED_BLOCK : NULL);
    }
}

#endif
