/* SPDX-License-Identifier: GPL-2.0-only */
/* What the files of resplice_core.ko share. The interface to the outside is core-abi.h. */
#ifndef RESPLICE_CORE_H
#define RESPLICE_CORE_H

#include <linux/kref.h>
#include <linux/list.h>
#include <linux/module.h>
#include "core-abi.h"
#define RESPLICE_KINDS_ONLY
#include "resplice.h"

/* A module that an update changes, or one that such a module's new code uses. */
struct object {
	struct module *module; /* NULL: not there; held when it is only used */
};

/* Bytes that an update changes: the jump of a site, or a data entry. */
struct change {
	unsigned long address;
	u32 size;
	const u8 *old;
	const u8 *new;
	struct object *object; /* NULL: always there */
	unsigned long start; /* of the old function, or of the data */
	unsigned long end;
	u8 jump[RESPLICE_CORE_JUMP_SIZE]; /* of a site */
	u8 overwritten[RESPLICE_CORE_JUMP_SIZE]; /* by the jump; known when it comes */
};

/* An update the core knows: from PREPARE to FORGET. */
struct update {
	struct list_head list;
	enum resplice_core_state state;
	bool was_applied;
	struct module *module; /* held */
	unsigned long text_start; /* of the module */
	unsigned long text_end;
	u32 count; /* of changes: those of the sites, then those of the data entries */
	struct change *changes;
	struct module **needed; /* as many as the request has names; held */
	struct object *objects; /* as many as the request has */
	unsigned long *addresses; /* of symbols; as many as the request has */
	struct resplice_core_request *request; /* the next point into it */
	struct resplice_core_site *sites;
	struct resplice_core_data *data;
	struct resplice_core_hook *hooks;
	struct resplice_core_name *names;
	struct resplice_core_object *modules;
	struct resplice_core_symbol *symbols;
	struct resplice_core_fixup *fixups;
	u8 *bytes;
};

/* A request and its reply. */
struct job {
	struct kref kref;
	struct resplice_core_request *request;
	struct resplice_core_reply *reply;
	struct task_struct *thread;
	u32 attempts; /* so far */
	bool over; /* the reply does not change any more */
};

/* Addresses strictly between start and end; ascending, apart from each other. */
struct ranges {
	u32 count;
	struct stretch {
		unsigned long start;
		unsigned long end;
	} *stretch;
};

/* Where a thread must not be, or to where return. */
struct forbidden {
	struct ranges ranges;
	struct ranges except;
	bool by_words; /* stacks are not unwound */
};

/* What a request, or a module that comes or goes, comes down to. */
struct plan {
	struct job *job;
	struct update *in; /* comes, or NULL */
	struct update **out; /* go, the last applied first */
	u32 outs;
	const struct object *only; /* nothing but this object is concerned; or NULL */
	bool dry; /* only look */
	struct forbidden where;
};

/* core.c */
extern struct list_head core_updates; /* in the order of application, then the others */
extern struct mutex core_updates_lock; /* only the operation under way changes the list */
extern struct semaphore core_operation; /* held by the operation under way */
struct update *core_find(const char *name);
u32 core_refuse(struct job *job, u32 code, u32 item);
u32 core_fail(struct job *job, int err);

/* core-request.c */
u32 core_read_request(struct job *job, size_t size);
u32 core_prepare(struct job *job);
void core_free_update(struct update *update);

/* core-place.c */
u32 core_place_change(struct update *update, u32 index);
u32 core_check_tables(struct job *job, const struct update *update);
bool core_is_in_text_of(const struct update *update, u64 start, u32 size);
struct module *core_text_module(unsigned long address);

/* core-object.c */
struct module *core_hold_module(const char *name);
bool core_is_patched(const struct update *update, u32 index);
u32 core_attach(struct job *job, struct update *update, u32 index, struct module *module);
u32 core_attach_loaded(struct job *job, struct update *update);
void core_detach(struct update *update, u32 index);
void core_detach_all(struct update *update);
int core_watch_modules(void);
void core_ignore_modules(void);

/* core-stack.c */
int core_watch_begin(void);
void core_watch_clear(void);
void core_watch_end(void);
bool core_judge_all(const struct forbidden *where, struct resplice_core_reply *reply);
bool core_judge_stopped(const struct forbidden *where, struct resplice_core_busy *busy,
			bool works, u32 *judged);

/* core-plan.c */
bool core_concerns(const struct plan *plan, const struct object *object);
u32 core_refuse_for(struct plan *plan, const struct update *update, u32 code, u32 item);
u32 core_find_replaced(struct plan *plan);
u32 core_check_conflicts(struct plan *plan);
u32 core_check_dependents(struct plan *plan);
u32 core_check_memory(struct plan *plan);
u32 core_find_forbidden(struct plan *plan, bool except);

/* core-write.c */
void core_lock_text(void);
void core_unlock_text(void);
void core_write_all(struct plan *plan, void (*everybody)(void *data), void *data);
int core_catch_traps(void);
void core_release_traps(void);
void core_expect_traps(const struct plan *plan);

/* core-switch.c */
u32 core_run_hooks(struct plan *plan, u32 out_kind, u32 in_kind, bool asks);
u32 core_switch(struct job *job);

/* Of the kernel, without a declaration in its headers; core-abi.h says how they are found. */
extern struct mutex kprobe_mutex;
extern char __start___bug_table[], __stop___bug_table[];
void arch_rethook_trampoline(void);
void __kretprobe_trampoline(void);
void return_to_handler(void);

#endif
