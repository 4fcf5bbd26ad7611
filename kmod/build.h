/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef RESPLICE_BUILD_H
#define RESPLICE_BUILD_H

struct klp_object;

/* A kernel object is about to get new code: refuses a module of another build. */
int resplice_check_build(struct klp_object *object);

#endif
