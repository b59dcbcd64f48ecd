/* Template header, once per instruction set.
 *
 * The passes over a table as it came that centre and scale it: column_sums.py has the formulas. */

#ifndef CENTAURUS_TABLES_H
#define CENTAURUS_TABLES_H

#include "vectors.h"

#define TABLE_ROWS 256

/* One column of some rows into a buffer, a whole number of eights long; beyond the last row its
 * first number again, which changes no extreme. */
static void NAME(take_rows)(const Table *t, int64_t column, int64_t at, int64_t count, double *x)
{
    const double *from = t->values + at * t->row_step + column * t->column_step;
    for (int64_t m = 0; m < count; m++)
        x[m] = from[m * t->row_step];
    for (int64_t m = count; m < (count + 7) / 8 * 8; m++)
        x[m] = x[0];
}

static TARGET double NAME(sum_of)(const double *x, int64_t count)
{
    double lanes[8] = {0.0}, rest = 0.0;
    int64_t m = 0;
    for (; m + 8 <= count; m += 8)
        for (int64_t lane = 0; lane < 8; lane++)
            lanes[lane] += x[m + lane];
    for (; m < count; m++)
        rest += x[m];
    return (((lanes[0] + lanes[1]) + (lanes[2] + lanes[3])) +
            ((lanes[4] + lanes[5]) + (lanes[6] + lanes[7]))) + rest;
}

static TARGET double NAME(squares_of)(const double *x, int64_t count)
{
    double lanes[8] = {0.0}, rest = 0.0;
    int64_t m = 0;
    for (; m + 8 <= count; m += 8)
        for (int64_t lane = 0; lane < 8; lane++)
            lanes[lane] += x[m + lane] * x[m + lane];
    for (; m < count; m++)
        rest += x[m] * x[m];
    return (((lanes[0] + lanes[1]) + (lanes[2] + lanes[3])) +
            ((lanes[4] + lanes[5]) + (lanes[6] + lanes[7]))) + rest;
}

/* Item: one part of the rows; sums (parts, 3, d): highest, lowest, sum of x - origin. */
static TARGET void NAME(measure_table)(const Table *t, int64_t start, int64_t stop, double *sums)
{
    double x[TABLE_ROWS];
    for (int64_t at = start; at < stop; at += TABLE_ROWS) {
        const int64_t count = stop - at < TABLE_ROWS ? stop - at : TABLE_ROWS;
        for (int64_t i = 0; i < t->d; i++) {
            double high[8], low[8], *highest = sums + i, *lowest = sums + t->d + i;
            NAME(take_rows)(t, i, at, count, x);
            memcpy(high, x, sizeof high);
            memcpy(low, x, sizeof low);
            for (int64_t m = 8; m < count; m += 8)
                for (int64_t lane = 0; lane < 8; lane++) {
                    high[lane] = x[m + lane] > high[lane] ? x[m + lane] : high[lane];
                    low[lane] = x[m + lane] < low[lane] ? x[m + lane] : low[lane];
                }
            for (int64_t lane = 0; lane < 8; lane++) {
                *highest = high[lane] > *highest ? high[lane] : *highest;
                *lowest = low[lane] < *lowest ? low[lane] : *lowest;
            }
            for (int64_t m = 0; m < count; m++)
                x[m] -= t->shift[i];
            sums[2 * t->d + i] += NAME(sum_of)(x, count);
        }
    }
}

/* Item: one part of the rows; sums (parts, 2, d): of y = x - shift - offset, and of the squares of
 * y / scale. */
static TARGET void NAME(spread_table)(const Table *t, int64_t start, int64_t stop, double *sums)
{
    double x[TABLE_ROWS];
    for (int64_t at = start; at < stop; at += TABLE_ROWS) {
        const int64_t count = stop - at < TABLE_ROWS ? stop - at : TABLE_ROWS;
        for (int64_t i = 0; i < t->d; i++) {
            NAME(take_rows)(t, i, at, count, x);
            for (int64_t m = 0; m < count; m++)
                x[m] = (x[m] - t->shift[i]) - t->offset[i];
            sums[i] += NAME(sum_of)(x, count);
            for (int64_t m = 0; m < count; m++)
                x[m] /= t->scale[i];
            sums[t->d + i] += NAME(squares_of)(x, count);
        }
    }
}

/* Item: one part of the rows; columns (d, n) get (x - shift) / scale; sums (parts, 2, d) of that
 * and of its squares. */
static TARGET void NAME(scale_table)(const Table *t, int64_t start, int64_t stop, double *columns,
                                     double *sums)
{
    double x[TABLE_ROWS];
    for (int64_t at = start; at < stop; at += TABLE_ROWS) {
        const int64_t count = stop - at < TABLE_ROWS ? stop - at : TABLE_ROWS;
        for (int64_t i = 0; i < t->d; i++) {
            NAME(take_rows)(t, i, at, count, x);
            for (int64_t m = 0; m < count; m++)
                x[m] = (x[m] - t->shift[i]) / t->scale[i];
            memcpy(columns + i * t->n + at, x, (size_t)count * sizeof(double));
            sums[i] += NAME(sum_of)(x, count);
            sums[t->d + i] += NAME(squares_of)(x, count);
        }
    }
}

#endif
