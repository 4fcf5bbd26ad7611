/* See qdisc-quantum.h. */
#define KIND "fq_pie"
#define QUANTUM TCA_FQ_PIE_QUANTUM
#include "qdisc-quantum.h"
