/* Plain header.
 *
 * The processor that this is compiled for, and the instruction sets ("variants") that the loops
 * are written for once and compiled for one by one. */

#ifndef CENTAURUS_PROCESSOR_H
#define CENTAURUS_PROCESSOR_H

/* NO_VECTORS builds what other processors run, for the tests. */
#if defined(NO_VECTORS)
#elif defined(__x86_64__) || defined(_M_X64)
#define FAMILY_X86_64 1
#include <cpuid.h>
#include <immintrin.h>
#elif defined(__aarch64__)
#define FAMILY_ARM64 1
#include <arm_neon.h>
#endif

#define VARIANT_SCALAR 0
#define VARIANT_SSE2 1
#define VARIANT_AVX2 2
#define VARIANT_AVX512 3
#define VARIANT_NEON 4

/* What every processor of the family runs. */
#if defined(FAMILY_X86_64)
#define VARIANT_OF_ALL VARIANT_SSE2
#elif defined(FAMILY_ARM64)
#define VARIANT_OF_ALL VARIANT_NEON
#else
#define VARIANT_OF_ALL VARIANT_SCALAR
#endif

#endif
