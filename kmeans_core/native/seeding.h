/* k-means++ seeds: drawing.draw. */

#define SEED_BLOCK 256

/* Lower `nearest` (n, padded to whole blocks) to the squared distance from a point; sums per block. */
static TARGET void NAME(lower_to)(const Problem *p, int64_t point, int first, double *nearest,
                                  double *block_sums)
{
    const int64_t n = p->n, d = p->d;
    double distance[SEED_BLOCK];
    for (int64_t start = 0, b = 0; start < n; start += SEED_BLOCK, b++) {
        const int64_t count = n - start < SEED_BLOCK ? n - start : SEED_BLOCK;
        double *own = nearest + start;
        double lanes[8] = {0.0};
        for (int64_t i = 0; i < d; i++) {
            const double *column = p->columns + i * n;
            const double centre = column[point];
            for (int64_t m = 0; m < count; m++) {
                const double offset = column[start + m] - centre;
                distance[m] = i == 0 ? offset * offset : distance[m] + offset * offset;
            }
        }
        if (first)
            memcpy(own, distance, (size_t)count * sizeof(double));
        else
            for (int64_t m = 0; m < count; m++)
                own[m] = distance[m] < own[m] ? distance[m] : own[m];
        for (int64_t m = count; m < SEED_BLOCK; m++)
            own[m] = 0.0;
        for (int64_t m = 0; m < SEED_BLOCK; m += 8)
            for (int64_t lane = 0; lane < 8; lane++)
                lanes[lane] += own[m + lane];
        block_sums[b] = ((lanes[0] + lanes[1]) + (lanes[2] + lanes[3])) +
                        ((lanes[4] + lanes[5]) + (lanes[6] + lanes[7]));
    }
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

/* Rows (m) of the seeds of one restart from its uniforms (m). */
static TARGET void NAME(draw)(const Problem *p, int64_t n_seeds, const double *uniforms,
                              int64_t *rows, double *nearest, double *block_sums)
{
    const int64_t first = (int64_t)(uniforms[0] * (double)p->n);
    rows[0] = first < p->n ? first : p->n - 1;
    for (int64_t m = 1; m < n_seeds; m++) {
        NAME(lower_to)(p, rows[m - 1], m == 1, nearest, block_sums);
        rows[m] = NAME(pick)(p->n, nearest, block_sums, uniforms[m]);
    }
}
