/* Template header, once per tile size and instruction set.
 *
 * Scores of TILE clusters for the points at hand, held in registers.
 *
 * Each step of the inner loop loads one feature of 4 W points, one coefficient of each cluster,
 * and makes 4 TILE multiply-adds: arithmetic, not loading, is the limit. */

#include "vectors.h"

#ifndef TILE /* opened alone */
#define TILE 2
#endif

#if TILE == 1
#define ROWS(X) X(0)
#elif TILE == 2
#define ROWS(X) X(0) X(1)
#elif TILE == 3
#define ROWS(X) X(0) X(1) X(2)
#elif TILE == 4
#define ROWS(X) X(0) X(1) X(2) X(3)
#elif TILE == 5
#define ROWS(X) X(0) X(1) X(2) X(3) X(4)
#elif TILE == 6
#define ROWS(X) X(0) X(1) X(2) X(3) X(4) X(5)
#endif

#define CONSTANT(j) V s##j##0 = SET1(theta[j * n_features]), s##j##1 = s##j##0, s##j##2 = s##j##0, \
                      s##j##3 = s##j##0;
#define ADD_FEATURE(j)                                                        \
    {                                                                         \
        V c = SET1(theta[j * n_features + f]);                                \
        s##j##0 = FMA(c, x0, s##j##0);                                        \
        s##j##1 = FMA(c, x1, s##j##1);                                        \
        s##j##2 = FMA(c, x2, s##j##2);                                        \
        s##j##3 = FMA(c, x3, s##j##3);                                        \
    }
#define COMPARE(j)                                                            \
    if (j > 0 || first > 0) {                                                 \
        L k = SET1_L(first + j);                                              \
        TAKE(b0, w0, s##j##0, k);                                             \
        TAKE(b1, w1, s##j##1, k);                                             \
        TAKE(b2, w2, s##j##2, k);                                             \
        TAKE(b3, w3, s##j##3, k);                                             \
    }

/* Clusters first to first + TILE - 1, whose coefficients start at theta; the last ones of all write
 * the labels. */
static TARGET void NAME(JOIN(tile, TILE))(const double *theta, int64_t n_features, Workspace *w,
                                          int64_t count, int64_t first, int last)
{
    const int64_t points = w->points;
    for (int64_t m = 0; m < count; m += 4 * W) {
        const double *x = w->phi + m;
        double *best = w->best + m, *winner = w->winner + m;
        ROWS(CONSTANT)
        for (int64_t f = 1; f < n_features; f++, x += points) {
            const V x0 = LOAD(x), x1 = LOAD(x + W), x2 = LOAD(x + 2 * W), x3 = LOAD(x + 3 * W);
            ROWS(ADD_FEATURE)
        }
        V b0 = s00, b1 = s01, b2 = s02, b3 = s03;
        L w0 = SET1_L(0), w1 = w0, w2 = w0, w3 = w0;
        if (first > 0) {
            b0 = LOAD(best), b1 = LOAD(best + W), b2 = LOAD(best + 2 * W), b3 = LOAD(best + 3 * W);
            w0 = LOAD_L(winner), w1 = LOAD_L(winner + W), w2 = LOAD_L(winner + 2 * W);
            w3 = LOAD_L(winner + 3 * W);
        }
        ROWS(COMPARE)
        if (last) {
            STORE_LABELS(w->labels + m, w0, w1, w2, w3);
        } else {
            STORE(best, b0), STORE(best + W, b1), STORE(best + 2 * W, b2), STORE(best + 3 * W, b3);
            STORE_L(winner, w0), STORE_L(winner + W, w1), STORE_L(winner + 2 * W, w2);
            STORE_L(winner + 3 * W, w3);
        }
    }
}

#undef ROWS
#undef CONSTANT
#undef ADD_FEATURE
#undef COMPARE
#undef TILE
