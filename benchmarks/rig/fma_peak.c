/* How many double-precision multiply-adds a core can do: independent chains in vector registers,
 * nothing loaded or stored. Compiled for the machine at hand; see fma_peak.py. */

#if defined(__AVX512F__)
#define BYTES 64
#elif defined(__AVX__)
#define BYTES 32
#else
#define BYTES 16
#endif
#define CHAINS 12 /* latency 4 x 2 units, and some more; fits into 16 registers with the operands */

typedef double vector __attribute__((vector_size(BYTES)));

/* Runs n_steps x CHAINS multiply-adds of whole vectors; returns how many numbers each one has. */
int centaurus_fma_chains(long n_steps, double *sink)
{
    vector sum[CHAINS], factor, offset;
    for (int i = 0; i < CHAINS; i++)
        for (int lane = 0; lane < BYTES / 8; lane++)
            sum[i][lane] = 1.0 + 0.001 * i;
    for (int lane = 0; lane < BYTES / 8; lane++)
        factor[lane] = 0.999999, offset[lane] = 1e-6;
    for (long step = 0; step < n_steps; step++) {
        for (int i = 0; i < CHAINS; i++)
            sum[i] = sum[i] * factor + offset;
    }
    for (int i = 0; i < CHAINS; i++)
        for (int lane = 0; lane < BYTES / 8; lane++)
            *sink += sum[i][lane];
    return BYTES / 8;
}

int centaurus_chains(void) { return CHAINS; }
