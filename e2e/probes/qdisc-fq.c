/* See qdisc-quantum.h. */
#define KIND "fq"
#define QUANTUM TCA_FQ_QUANTUM
#include "qdisc-quantum.h"
