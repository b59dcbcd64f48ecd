/* All the loops for one instruction set; included once per CENTAURUS_VARIANT. */

#include "vectors.h"

#include "features.h"

#include "assign.h"

#include "sums.h"
