/* See qdisc-quantum.h. */
#define KIND "sfq"
#define QUANTUM 0
#include "qdisc-quantum.h"
