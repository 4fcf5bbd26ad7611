/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef RESPLICE_EXIT_H
#define RESPLICE_EXIT_H

struct klp_object;

int resplice_watch_exits(void);
void resplice_unwatch_exits(void);
/* All tasks use the new code of the object, or its module is being loaded. */
void resplice_redirect_exits(struct klp_object *object);
/* The update is being taken back, or the module is going. */
void resplice_restore_exits(struct klp_object *object);

#endif
