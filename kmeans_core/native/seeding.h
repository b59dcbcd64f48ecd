/* k-means++ seeds: drawing.draw. */

#define SEED_BLOCK 256

/* Restarts drawn together, so that each block of points is read once for all of them. */
#define DRAWN_TOGETHER 4

/* One block of points, [start, start + count): lower `nearest` (SEED_BLOCK, zero beyond count) to the
 * squared distance from a point, or begin with that; returns the sum. */
static TARGET double NAME(lower_to)(const Problem *p, int64_t point, int begin, int64_t start,
                                    int64_t count, double *nearest)
{
    const int64_t n = p->n;
    double distance[SEED_BLOCK], lanes[8] = {0.0};
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
    for (int64_t m = count; m < SEED_BLOCK; m++)
        nearest[m] = 0.0;
    for (int64_t m = 0; m < SEED_BLOCK; m += 8)
        for (int64_t lane = 0; lane < 8; lane++)
            lanes[lane] += nearest[m + lane];
    return ((lanes[0] + lanes[1]) + (lanes[2] + lanes[3])) +
           ((lanes[4] + lanes[5]) + (lanes[6] + lanes[7]));
}

/* The point at which the running sum of `nearest` passes uniform times its total. Never one at
 * distance zero, unless all are: then each is as likely. */
static int64_t NAME(pick)(int64_t n, const double *nearest, const double *block_sums,
                          double uniform)
{
    const int64_t n_blocks = (n + SEED_BLOCK - 1) / SEED_BLOCK;
    double total = 0.0, passed = 0.0;
    int64_t block = 0, last = -1;
    for (int64_t b = 0; b < n_blocks; b++)
        total += block_sums[b];
    if (!(total > 0.0)) {
        const int64_t any = (int64_t)(uniform * (double)n);
        return any < n ? any : n - 1;
    }
    double target = uniform * total;
    if (!(target < total))
        target = nextafter(total, 0.0);
    for (int64_t b = 0; b < n_blocks; b++) {
        if (!(block_sums[b] > 0.0))
            continue;
        block = b;
        if (passed + block_sums[b] > target)
            break;
        passed += block_sums[b];
    }
    /* Rounding may leave the sum just short of the target: then it is the block's last. */
    for (int64_t m = block * SEED_BLOCK; m < n && m < (block + 1) * SEED_BLOCK; m++) {
        if (!(nearest[m] > 0.0))
            continue;
        last = m;
        passed += nearest[m];
        if (passed > target)
            break;
    }
    return last;
}

/* Rows (R, m) of the seeds of a few restarts from their uniforms (R, m). memory: for each restart n
 * numbers, rounded up to whole blocks, and one for each block. */
static TARGET void NAME(draw)(const Problem *p, int64_t n_restarts, int64_t n_seeds,
                              const double *uniforms, int64_t *rows, double *memory)
{
    const int64_t n = p->n, n_blocks = (n + SEED_BLOCK - 1) / SEED_BLOCK;
    const int64_t own = n_blocks * (SEED_BLOCK + 1);
    for (int64_t r = 0; r < n_restarts; r++) {
        const int64_t first = (int64_t)(uniforms[r * n_seeds] * (double)n);
        rows[r * n_seeds] = first < n ? first : n - 1;
    }
    for (int64_t m = 1; m < n_seeds; m++) {
        for (int64_t b = 0; b < n_blocks; b++) {
            const int64_t start = b * SEED_BLOCK;
            const int64_t count = n - start < SEED_BLOCK ? n - start : SEED_BLOCK;
            const int64_t left = n - start - count;
            const int64_t soon =
                (left < SEED_BLOCK ? left : SEED_BLOCK) * (int64_t)sizeof(double);
            for (int64_t i = 0; i < p->d && left > 0; i++)
                fetch_early(p->columns + i * n + start + count, soon);
            for (int64_t r = 0; r < n_restarts; r++) {
                double *nearest = memory + r * own, *block_sums = nearest + n_blocks * SEED_BLOCK;
                if (left > 0)
                    fetch_early(nearest + start + count, soon);
                block_sums[b] = NAME(lower_to)(p, rows[r * n_seeds + m - 1], m == 1, start, count,
                                               nearest + start);
            }
        }
        for (int64_t r = 0; r < n_restarts; r++)
            rows[r * n_seeds + m] =
                NAME(pick)(n, memory + r * own, memory + r * own + n_blocks * SEED_BLOCK,
                           uniforms[r * n_seeds + m]);
    }
}
