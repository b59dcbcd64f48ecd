/* Template header, once per instruction set.
 *
 * log sum_j exp(term_j) per point, term_j = constant_j - 1/2 |whitener_j (x - mean_j)|^2. */

#ifndef CENTAURUS_MIXTURE_H
#define CENTAURUS_MIXTURE_H

#include "vectors.h"

/* exp(x) for -700 <= x <= 0, within 2 units in the last place: x = n log 2 + r, |r| <= log(2) / 2,
 * and the Taylor series of exp(r), whose 14th term is below half a unit. */
static inline TARGET V NAME(exponential)(V x)
{
    /* 1.5 * 2^52: adding it rounds to a whole number, which then is in the lowest bits. */
    const V shift = SET1(6755399441055744.0);
    const V shifted = FMA(x, SET1(1.4426950408889634074), shift);
    const V n = SUB(shifted, shift);
    V r = FMA(n, SET1(-6.93147180369123816490e-01), x);
    r = FMA(n, SET1(-1.90821492927058770002e-10), r);
    V sum = SET1(1.0 / 6227020800.0);
    sum = FMA(sum, r, SET1(1.0 / 479001600.0));
    sum = FMA(sum, r, SET1(1.0 / 39916800.0));
    sum = FMA(sum, r, SET1(1.0 / 3628800.0));
    sum = FMA(sum, r, SET1(1.0 / 362880.0));
    sum = FMA(sum, r, SET1(1.0 / 40320.0));
    sum = FMA(sum, r, SET1(1.0 / 5040.0));
    sum = FMA(sum, r, SET1(1.0 / 720.0));
    sum = FMA(sum, r, SET1(1.0 / 120.0));
    sum = FMA(sum, r, SET1(1.0 / 24.0));
    sum = FMA(sum, r, SET1(1.0 / 6.0));
    sum = FMA(sum, r, SET1(0.5));
    sum = FMA(sum, r, SET1(1.0));
    sum = FMA(sum, r, SET1(1.0));
    return TIMES_POWER_OF_TWO(sum, shifted);
}

/* Points [start, start + count), count at most MOST_POINTS: out (count), which may be null, and
 * their sum. Each is a highest term and the log of a number from 1 to K; of the sum the logs are
 * taken PRODUCT numbers at a time. whiteners (K, d, d) lower triangles, or (K, d) when diagonal. x
 * and z: (d, MOST_POINTS); terms: (K, MOST_POINTS). */
static TARGET double NAME(mix)(const Problem *p, int64_t n_clusters, const double *constants,
                             const double *means, const double *whiteners, int diagonal,
                             int64_t start, int64_t count, double *x, double *terms, double *z,
                             double *out)
{
    const int64_t d = p->d, whole = (count + GROUP - 1) / GROUP * GROUP;
    double highest[MOST_POINTS], total[MOST_POINTS];
    for (int64_t i = 0; i < d; i++) {
        memcpy(x + i * MOST_POINTS, p->columns + i * p->n + start, (size_t)count * sizeof(double));
        for (int64_t m = count; m < whole; m++)
            x[i * MOST_POINTS + m] = 0.0;
    }
    for (int64_t k = 0; k < n_clusters; k++) {
        const double *mean = means + k * d, *own = whiteners + k * d * (diagonal ? 1 : d);
        double *term = terms + k * MOST_POINTS;
        for (int64_t i = 0; i < d; i++)
            for (int64_t m = 0; m < whole; m += W)
                STORE(z + i * MOST_POINTS + m,
                      SUB(LOAD(x + i * MOST_POINTS + m), SET1(mean[i])));
        for (int64_t m = 0; m < whole; m += W) {
            V squared = SET1(0.0);
            for (int64_t i = 0; i < d; i++) {
                V sum;
                if (diagonal) {
                    sum = MUL(SET1(own[i]), LOAD(z + i * MOST_POINTS + m));
                } else {
                    sum = MUL(SET1(own[i * d]), LOAD(z + m));
                    for (int64_t j = 1; j <= i; j++)
                        sum = FMA(SET1(own[i * d + j]), LOAD(z + j * MOST_POINTS + m), sum);
                }
                squared = FMA(sum, sum, squared);
            }
            const V value = FMA(SET1(-0.5), squared, SET1(constants[k]));
            STORE(term + m, value);
            STORE(highest + m, k == 0 ? value : MAX(value, LOAD(highest + m)));
        }
    }
    for (int64_t m = 0; m < whole; m += W) {
        const V most = LOAD(highest + m);
        V sum = SET1(0.0);
        for (int64_t k = 0; k < n_clusters; k++) {
            const V below = SUB(LOAD(terms + k * MOST_POINTS + m), most);
            sum = ADD(sum, NAME(exponential)(MAX(below, SET1(-700.0))));
        }
        STORE(total + m, sum);
    }
    double all = 0.0;
    for (int64_t m = 0; m < count && out; m++)
        out[m] = highest[m] + log(total[m]);
    for (int64_t m = 0; m < count; m += PRODUCT) {
        const int64_t end = count - m < PRODUCT ? count : m + PRODUCT;
        double product = 1.0;
        for (int64_t i = m; i < end; i++) {
            all += highest[i];
            product *= total[i];
        }
        all += log(product);
    }
    return all;
}

#endif
