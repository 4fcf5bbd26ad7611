/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef RESPLICE_FRESH_H
#define RESPLICE_FRESH_H

struct klp_object;

/* A kernel object is about to get new code: refuses a module that was loaded before the update, or is loaded while tasks are switched. */
int resplice_admit(struct klp_object *object);
/* It is admitted, and nothing of it has run: its data and init function. */
void resplice_make_fresh(struct klp_object *object);
/* The new code of the object is gone, or the object. */
void resplice_dismiss(struct klp_object *object);
/* All tasks use the new code, or begin to leave it. */
void resplice_settle(struct klp_object *object, bool settled);
int resplice_may_undo(void);

#endif
