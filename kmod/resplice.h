/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Custom code of an update: `#include <resplice.h>` in a patched source file. `resplice create` puts it on the include path and reads
 * the records that these macros leave in the object. docs/patch-author-guide.md explains when each hook runs.
 */
#ifndef RESPLICE_H
#define RESPLICE_H

/* The numbers are known to packages/engine/src/diff/custom-record.ts. */
enum resplice_kind {
	RESPLICE_KIND_PRE_APPLY = 1,
	RESPLICE_KIND_APPLY,
	RESPLICE_KIND_POST_APPLY,
	RESPLICE_KIND_FAIL_APPLY,
	RESPLICE_KIND_PRE_UNDO,
	RESPLICE_KIND_UNDO,
	RESPLICE_KIND_POST_UNDO,
	RESPLICE_KIND_FAIL_UNDO,
	RESPLICE_KIND_CHECK_APPLY,
	RESPLICE_KIND_CHECK_UNDO,
	RESPLICE_KIND_IGNORE_FUNCTION = 16,
	RESPLICE_KIND_IGNORE_DATA,
	RESPLICE_KIND_HANDLES_INIT,
	RESPLICE_KIND_HANDLES_DATA,
	RESPLICE_KIND_HANDLES_TYPE,
	RESPLICE_KIND_HANDLES_CALLBACK,
	RESPLICE_KIND_SHADOW,
	RESPLICE_KIND_SHADOW_FUNCTION,
	RESPLICE_KIND_COEXISTS,
};

#ifndef RESPLICE_KINDS_ONLY

#include <linux/compiler.h>
#include <linux/livepatch.h>

struct resplice_record {
	union {
		int (*ask)(void);
		void (*call)(void);
	};
	const char *name;
	const char *why;
	unsigned int kind;
	unsigned int order;
};

#define RESPLICE_RECORD(member, fn, text, reason, number)                          \
	static struct resplice_record __used __section(".resplice.records")        \
		__aligned(8) __PASTE(resplice_record_, __COUNTER__) = {            \
			.member = (fn), .name = (text), .why = (reason),           \
			.kind = (number), .order = __COUNTER__                     \
		}

/* int fn(void): 0, or a negative errno that keeps the update from being applied, or undone */
#define RESPLICE_PRE_APPLY(fn) RESPLICE_RECORD(ask, fn, #fn, "", RESPLICE_KIND_PRE_APPLY)
#define RESPLICE_PRE_UNDO(fn) RESPLICE_RECORD(ask, fn, #fn, "", RESPLICE_KIND_PRE_UNDO)
/* the same, asked at the last moment: by the trampoline engine while all CPUs stand still */
#define RESPLICE_CHECK_APPLY(fn) RESPLICE_RECORD(ask, fn, #fn, "", RESPLICE_KIND_CHECK_APPLY)
#define RESPLICE_CHECK_UNDO(fn) RESPLICE_RECORD(ask, fn, #fn, "", RESPLICE_KIND_CHECK_UNDO)
/* void fn(void) */
#define RESPLICE_APPLY(fn) RESPLICE_RECORD(call, fn, #fn, "", RESPLICE_KIND_APPLY)
#define RESPLICE_POST_APPLY(fn) RESPLICE_RECORD(call, fn, #fn, "", RESPLICE_KIND_POST_APPLY)
#define RESPLICE_FAIL_APPLY(fn) RESPLICE_RECORD(call, fn, #fn, "", RESPLICE_KIND_FAIL_APPLY)
#define RESPLICE_UNDO(fn) RESPLICE_RECORD(call, fn, #fn, "", RESPLICE_KIND_UNDO)
#define RESPLICE_POST_UNDO(fn) RESPLICE_RECORD(call, fn, #fn, "", RESPLICE_KIND_POST_UNDO)
#define RESPLICE_FAIL_UNDO(fn) RESPLICE_RECORD(call, fn, #fn, "", RESPLICE_KIND_FAIL_UNDO)

/* What the author answers for; `why` is kept in the update. */
#define RESPLICE_STATEMENT(what, why, kind) RESPLICE_RECORD(call, (void (*)(void))0, #what, why, kind)
#define RESPLICE_IGNORE_FUNCTION(fn, why) RESPLICE_STATEMENT(fn, why, RESPLICE_KIND_IGNORE_FUNCTION)
#define RESPLICE_IGNORE_DATA(variable, why) RESPLICE_STATEMENT(variable, why, RESPLICE_KIND_IGNORE_DATA)
#define RESPLICE_HANDLES_INIT(fn, why) RESPLICE_STATEMENT(fn, why, RESPLICE_KIND_HANDLES_INIT)
#define RESPLICE_HANDLES_DATA(variable, why) RESPLICE_STATEMENT(variable, why, RESPLICE_KIND_HANDLES_DATA)
#define RESPLICE_HANDLES_TYPE(tag, why) RESPLICE_STATEMENT(tag, why, RESPLICE_KIND_HANDLES_TYPE)
/*
 * Threads that are in the old function when the update is applied may go on in it: the trampoline engine does not wait for
 * them. For functions in which somebody always sleeps.
 */
#define RESPLICE_COEXISTS(fn, why) RESPLICE_STATEMENT(fn, why, RESPLICE_KIND_COEXISTS)
/* a hook sees to it that nothing calls the new function `fn` any more after an undo */
#define RESPLICE_HANDLES_CALLBACK(fn, why) RESPLICE_STATEMENT(fn, why, RESPLICE_KIND_HANDLES_CALLBACK)

/*
 * RESPLICE_SHADOW(struct extra, extra, ctor, dtor): data of this type that can be attached to any object by its address.
 * The id is an address in the update, so no other update's is the same. What is left is freed after an undo.
 * ctor: int (*)(void *object, void *data, void *arg) or NULL; dtor: void (*)(void *object, void *data) or NULL.
 */
#define RESPLICE_SHADOW(type, name, ctor, dtor)                                                        \
	static char name##_shadow_id;                                                                  \
	static void name##_free_all(void)                                                              \
	{                                                                                              \
		klp_shadow_free_all((unsigned long)&name##_shadow_id, dtor);                           \
	}                                                                                              \
	static inline __maybe_unused type *name##_get(void *object)                                    \
	{                                                                                              \
		return klp_shadow_get(object, (unsigned long)&name##_shadow_id);                       \
	}                                                                                              \
	static inline __maybe_unused type *name##_alloc(void *object, gfp_t gfp, void *arg)            \
	{                                                                                              \
		return klp_shadow_alloc(object, (unsigned long)&name##_shadow_id, sizeof(type), gfp,   \
					ctor, arg);                                                    \
	}                                                                                              \
	static inline __maybe_unused type *name##_get_or_alloc(void *object, gfp_t gfp, void *arg)     \
	{                                                                                              \
		return klp_shadow_get_or_alloc(object, (unsigned long)&name##_shadow_id, sizeof(type), \
					       gfp, ctor, arg);                                        \
	}                                                                                              \
	static inline __maybe_unused void name##_free(void *object)                                    \
	{                                                                                              \
		klp_shadow_free(object, (unsigned long)&name##_shadow_id, dtor);                       \
	}                                                                                              \
	RESPLICE_STATEMENT(name, #type, RESPLICE_KIND_SHADOW);                                         \
	RESPLICE_STATEMENT(ctor, "", RESPLICE_KIND_SHADOW_FUNCTION);                                        \
	RESPLICE_STATEMENT(dtor, "", RESPLICE_KIND_SHADOW_FUNCTION);                                        \
	RESPLICE_POST_UNDO(name##_free_all);                                                           \
	RESPLICE_FAIL_APPLY(name##_free_all)

#endif
#endif
