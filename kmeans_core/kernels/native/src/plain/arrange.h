/* Plain header.
 *
 * An order of the points in which neighbours in memory are neighbours in space: halves of halves,
 * each cut across its widest column (a k-d tree; Bentley 1975), of which only the leaves are kept.
 */

#ifndef CENTAURUS_ARRANGE_H
#define CENTAURUS_ARRANGE_H

#include "problem.h"

/* Pivots come from a generator of their own, so that no table is slow for a reason. */
static uint64_t next_pivot(uint64_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return *state;
}

/* By value, and by row where values are equal: no two points are, so the halves are unique. */
static int comes_before(const double *column, int64_t a, int64_t b)
{
    return column[a] < column[b] || (column[a] == column[b] && a < b);
}

/* Move the `wanted` first of rows [0, count) in a column's order to the front (Hoare's FIND). */
static void part_at(const double *column, int64_t *rows, int64_t count, int64_t wanted,
                    uint64_t *state)
{
    int64_t low = 0, high = count - 1;
    while (low < high) {
        const int64_t pivot = rows[low + (int64_t)(next_pivot(state) % (uint64_t)(high - low + 1))];
        int64_t i = low, j = high;
        while (i <= j) {
            while (comes_before(column, rows[i], pivot))
                i++;
            while (comes_before(column, pivot, rows[j]))
                j--;
            if (i <= j) {
                const int64_t kept = rows[i];
                rows[i++] = rows[j];
                rows[j--] = kept;
            }
        }
        if (wanted <= j)
            high = j;
        else if (wanted >= i)
            low = i;
        else
            return;
    }
}

static int64_t widest_column(const double *columns, int64_t n, int64_t d, const int64_t *rows,
                             int64_t count)
{
    int64_t widest = 0;
    double most = -1.0;
    for (int64_t i = 0; i < d; i++) {
        const double *column = columns + i * n;
        double low = column[rows[0]], high = low;
        for (int64_t m = 1; m < count; m++) {
            const double x = column[rows[m]];
            low = x < low ? x : low;
            high = x > high ? x : high;
        }
        if (high - low > most) {
            most = high - low;
            widest = i;
        }
    }
    return widest;
}

/* rows (n): 0 to n - 1 in the new order. Cuts are at whole branches, then at whole groups. */
static void arrange(const double *columns, int64_t n, int64_t d, int64_t *rows)
{
    /* The larger half is put off, so the number put off never passes the binary logarithm of n. */
    int64_t firsts[64], counts[64], n_left = 1;
    uint64_t state = 0x9e3779b97f4a7c15u;
    for (int64_t i = 0; i < n; i++)
        rows[i] = i;
    firsts[0] = 0;
    counts[0] = n;
    while (n_left > 0) {
        int64_t first = firsts[--n_left], count = counts[n_left];
        while (count > GROUP) {
            const int64_t unit = count > GROUP * BRANCH ? GROUP * BRANCH : GROUP;
            const int64_t cut = (count / 2 + unit / 2) / unit * unit, rest = count - cut;
            const double *column =
                columns + widest_column(columns, n, d, rows + first, count) * n;
            part_at(column, rows + first, count, cut, &state);
            const int larger_first = cut > rest;
            firsts[n_left] = larger_first ? first : first + cut;
            counts[n_left++] = larger_first ? cut : rest;
            if (larger_first)
                first += cut;
            count = larger_first ? rest : cut;
        }
    }
}

#endif
