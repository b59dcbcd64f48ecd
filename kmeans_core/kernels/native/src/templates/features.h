/* Template header, once per instruction set.
 *
 * phi(x) of the points at hand, one row per feature, without the leading 1 (features.py has the
 * order). Rows are w->points long; what lies beyond the last point is zero, so that the loops over
 * whole vectors read finite numbers there. */

#ifndef CENTAURUS_FEATURES_H
#define CENTAURUS_FEATURES_H

#include "vectors.h"

static TARGET void NAME(fill_features)(const Problem *p, Workspace *w, int64_t start, int64_t count)
{
    const int64_t d = p->d, points = w->points;
    const int64_t whole = (count + GROUP - 1) / GROUP * GROUP;
    const int64_t next = start + count, soon = p->n - next < points ? p->n - next : points;
    double *second = w->phi + d * points;
    for (int64_t i = 0; i < d; i++) {
        double *row = w->phi + i * points;
        memcpy(row, p->columns + i * p->n + start, (size_t)count * sizeof(double));
        for (int64_t m = count; m < whole; m++)
            row[m] = 0.0;
        fetch_early(p->columns + i * p->n, next, soon);
    }
    if (p->tied)
        return;
    if (p->shape == SHAPE_SPHER) {
        for (int64_t m = 0; m < whole; m += W) {
            V sum = MUL(LOAD(w->phi + m), LOAD(w->phi + m));
            for (int64_t i = 1; i < d; i++) {
                V x = LOAD(w->phi + i * points + m);
                sum = FMA(x, x, sum);
            }
            STORE(second + m, sum);
        }
        return;
    }
    for (int64_t i = 0; i < d; i++) {
        const double *a = w->phi + i * points;
        for (int64_t j = p->shape == SHAPE_FULL ? 0 : i; j <= i; j++, second += points) {
            const double *b = w->phi + j * points;
            for (int64_t m = 0; m < whole; m += W)
                STORE(second + m, MUL(LOAD(a + m), LOAD(b + m)));
        }
    }
}

#endif
