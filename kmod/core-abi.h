/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the resplice command and resplice_core.ko say to each other through /dev/resplice.
 *
 * One request is one write(), one reply is one read() at offset 0, and an open file has one
 * request: open, write, read, close. (Plain read and write, because the command can neither
 * ioctl nor mmap.) All numbers are little-endian, no structure has hidden padding. Open and
 * write need CAP_SYS_ADMIN and CAP_SYS_MODULE. write() itself fails only with EPERM, EFAULT,
 * ENOMEM, EINTR, EBUSY (this file has had its request) and EMSGSIZE (too long a request);
 * everything else is in the reply's `code`. A request that is refused has had no effect.
 *
 * A request is a struct resplice_core_request followed, in this order, without gaps, by as many
 * as it counts of struct resplice_core_site, struct resplice_core_data, struct
 * resplice_core_hook, struct resplice_core_name, struct resplice_core_object, struct
 * resplice_core_symbol, struct resplice_core_fixup, and by the bytes that others point into.
 * Counts that a request's type does not use are 0, as are all `reserved`.
 *
 *   PREPARE  the update's module is loaded: takes references on it and on the modules in
 *            `names` (applied updates whose addresses its code contains), checks all that can
 *            be checked now, keeps it. Uses all of the counts.
 *   CHECK    dry run of APPLY, or of UNDO with RESPLICE_CORE_CHECK_UNDO, with memory and stacks
 *            looked at; runs no hook, writes nothing. Uses names, as APPLY.
 *   APPLY    pre hooks, switch, post hooks. `names` are the applied updates that it replaces
 *            in the same stop.
 *   UNDO     the same, back.
 *   FORGET   lets go of an update that is prepared or undone; when it was ever applied, waits
 *            until no thread runs in it. After that its module can be removed.
 *   STATUS   all updates, in the order in which they were applied; those that are not applied
 *            come last. Its `name` is empty.
 *
 * What an update changes in a module, it says by symbols of that module, and leaves those
 * fields of its own code empty that contain an address of it (fixups). APPLY looks up and
 * fills in what belongs to modules that are loaded. The other modules are waited for: when one
 * of them comes, before its first instruction runs, the same is done for it alone, with its
 * hooks, and when it does not fit the update (or a hook of it refuses), it is not let in: its
 * loading fails with ENOEXEC, and the kernel log says why. A patched module can be unloaded
 * at any time; then the update waits for it again.
 *
 * CHECK, APPLY, UNDO and FORGET are done by a thread of the core, so that no thread of the
 * command sleeps in the kernel's write path while stacks are looked at, and so that they end
 * whatever happens to the command. Their reply is RESPLICE_CORE_RUNNING, with the attempts so
 * far, until they are over: sleep a little (a millisecond) in user space and read again at
 * offset 0. A request that comes while one is under way waits in write(); STATUS does not. The
 * thread tries at most `attempts` times; between two attempts it sleeps, `backoff_us` at first,
 * then twice as long each time, at most a second.
 *
 * The core imports these symbols, which the kernel does not export, by address: the undefined
 * symbol of resplice_core.ko becomes an absolute one (st_shndx SHN_ABS, st_value the address in
 * the running kernel) before it is loaded. Those that depend on the kernel's configuration are
 * undefined in a core built for that kernel only when it has them, so the list to bind is: every
 * undefined symbol of the file that Module.symvers does not have. Each name is unique in the
 * kernel's own symbols.
 *   find_module __module_address __module_text_address core_kernel_text
 *   kallsyms_lookup_size_offset text_poke_kgdb text_mutex stop_machine_cpuslocked
 *   task_call_func idle_task put_task_stack __start_rodata __end_rodata
 *   stack_trace_save_tsk_reliable (HAVE_RELIABLE_STACKTRACE)
 *   get_kprobe kprobe_mutex (KPROBES)
 *   __start___bug_table __stop___bug_table (GENERIC_BUG)
 *   arch_rethook_trampoline or __kretprobe_trampoline (KRETPROBES)
 *   return_to_handler (FUNCTION_GRAPH_TRACER)
 */
#ifndef RESPLICE_CORE_ABI_H
#define RESPLICE_CORE_ABI_H

#include <linux/types.h>

#define RESPLICE_CORE_MAGIC 0x31435352 /* "RSC1" */
#define RESPLICE_CORE_ABI 4
#define RESPLICE_CORE_DEVICE "resplice"
/* the module of an update has a name that begins so */
#define RESPLICE_CORE_PREFIX "resplice_"
#define RESPLICE_CORE_NAME_SIZE 64
#define RESPLICE_CORE_BUILD_ID_SIZE 32
#define RESPLICE_CORE_JUMP_SIZE 5

#define RESPLICE_CORE_LIMIT_BYTES (16 << 20) /* a whole request */
#define RESPLICE_CORE_LIMIT_COUNT 16384 /* of each kind of entry, but of */
#define RESPLICE_CORE_LIMIT_FIXUPS (1 << 18) /* symbols and fixups each */
#define RESPLICE_CORE_LIMIT_OLD_SIZE (1 << 20) /* of a function */
#define RESPLICE_CORE_LIMIT_DATA_SIZE (1 << 20) /* of a data entry */
#define RESPLICE_CORE_LIMIT_ATTEMPTS 1000
#define RESPLICE_CORE_LIMIT_BACKOFF_US 1000000

enum resplice_core_type {
	RESPLICE_CORE_PREPARE = 1,
	RESPLICE_CORE_CHECK,
	RESPLICE_CORE_APPLY,
	RESPLICE_CORE_UNDO,
	RESPLICE_CORE_FORGET,
	RESPLICE_CORE_STATUS,
};

/* `flags` of a request */
#define RESPLICE_CORE_CHECK_UNDO 1
/* CHECK, APPLY, UNDO: read all stacks as a kernel makes us do that cannot unwind them reliably */
#define RESPLICE_CORE_BY_WORDS 2

struct resplice_core_request { /* 120 bytes */
	__u32 magic;
	__u16 abi;
	__u16 type;
	__u32 size; /* of all of it: the length of the write */
	__u32 flags;
	__u32 sites;
	__u32 data;
	__u32 hooks;
	__u32 names;
	__u32 objects;
	__u32 symbols;
	__u32 fixups;
	__u32 bytes;
	__u32 attempts; /* CHECK, APPLY, UNDO, FORGET: at least 1; else 0 */
	__u32 backoff_us; /* with attempts */
	char name[RESPLICE_CORE_NAME_SIZE]; /* of the update's module; rest zero, at least one */
};

/* `flags` of a site */
/*
 * Old and new code may run together (the author says so). Only threads at the overwritten
 * bytes are in the way.
 */
#define RESPLICE_CORE_COEXIST 1
struct resplice_core_site { /* 48 bytes: one replaced function */
	/*
	 * of the old function: in vmlinux or in the code of an applied update, or the index of
	 * its symbol when it belongs to an object
	 */
	__u64 old_start;
	__u64 target; /* where the jump goes: inside the new function */
	__u64 new_start; /* the new function, in the text of the update's module */
	__u32 old_size; /* any thread inside is in the way */
	__u32 new_size;
	__u32 jump_offset; /* the jump's first byte, from old_start */
	__u32 flags;
	__u32 object; /* 0, or 1 + its index */
	/*
	 * into the bytes: the old_size bytes of the old function, then as many of a mask that
	 * says which of their bits nobody rewrites
	 */
	__u32 code;
};

/* `flags` of a data entry */
/*
 * The bytes stand in the update's module, where fixups and its loader put addresses into them:
 * pointers, which nobody knows before the object is there.
 */
#define RESPLICE_CORE_IN_UPDATE 1
/* 32 bytes: read-only data, or a line of the bug table, or data of an object, changed in place */
struct resplice_core_data {
	__u64 address; /* or the index of a symbol */
	/* `size` old bytes, then `size` new ones: into the bytes, or an address in the update */
	__u64 content;
	__u32 size;
	__u32 from; /* where the data begins, from the symbol on; 0 without an object */
	__u32 object; /* 0, or 1 + its index */
	__u32 flags;
};

struct resplice_core_hook { /* 16 bytes; those of a kind run in the order of the request */
	__u64 function; /* in the text of the update's module */
	__u32 kind; /* enum resplice_kind, resplice.h: those that are hooks */
	__u32 object; /* 0, or 1 + the index of the one that must be there */
};

struct resplice_core_name { /* 64 bytes */
	char name[RESPLICE_CORE_NAME_SIZE];
};

/* A module that the update changes, or whose addresses the new code of such a module has. */
struct resplice_core_object { /* 104 bytes */
	char name[RESPLICE_CORE_NAME_SIZE];
	__u32 user; /* its own index, or that of the object that uses it, and holds it */
	__u32 build_id_size; /* 0: any build will do */
	__u8 build_id[RESPLICE_CORE_BUILD_ID_SIZE]; /* rest zero */
};

struct resplice_core_symbol { /* 16 bytes */
	__u32 object; /* index */
	__u32 name; /* into the bytes, ends with a zero */
	__u32 position; /* 0: the name is unique in the object, without its initialisation */
	__u32 reserved;
};

/* A field of the update's module that has the address of a symbol. */
struct resplice_core_fixup { /* 24 bytes */
	__u64 place;
	__s64 addend;
	__u32 symbol; /* index */
	__u32 type; /* R_X86_64_64, _32, _32S, _PC32, _PLT32 */
};

enum resplice_core_code {
	RESPLICE_CORE_OK = 0,
	RESPLICE_CORE_RUNNING = 1, /* not over; read again */
	/* the request makes no sense */
	RESPLICE_CORE_BAD_SIZE = 2, /* shorter than a request, or not what its counts add up to */
	RESPLICE_CORE_BAD_MAGIC = 3,
	RESPLICE_CORE_BAD_ABI = 4,
	RESPLICE_CORE_BAD_TYPE = 5,
	/* above the limit, not used by this type, or a PREPARE that changes nothing */
	RESPLICE_CORE_BAD_COUNT = 6,
	/* a reserved field or an unknown flag is set, or a limit of attempts is out of range */
	RESPLICE_CORE_BAD_FIELD = 7,
	/* not closed, not filled with zeros, not of an update; item: index in names, or none */
	RESPLICE_CORE_BAD_NAME = 8,
	/* it does not fit the running kernel; item: index of the site, data entry, hook or name */
	/* not loaded, or on its way in or out; item: index in names or objects, or none */
	RESPLICE_CORE_NO_MODULE = 9,
	RESPLICE_CORE_KNOWN = 10, /* PREPARE of an update that is known already */
	RESPLICE_CORE_UNKNOWN = 11, /* not prepared; item: index in names, or none */
	/* e.g. APPLY of what is applied; item: index in names, or none */
	RESPLICE_CORE_WRONG_STATE = 12,
	/* old function: not in the text of the kernel, of a live module, or of an update */
	RESPLICE_CORE_NOT_TEXT = 13,
	/* old_start is not a symbol, or the jump is not inside it and old_size */
	RESPLICE_CORE_NOT_FUNCTION = 14,
	/* new function, target or hook outside the text of the update's module */
	RESPLICE_CORE_NOT_IN_UPDATE = 15,
	RESPLICE_CORE_TOO_FAR = 16, /* for a 32-bit jump */
	RESPLICE_CORE_OVERLAP = 17, /* two sites, or two data entries, of the request */
	RESPLICE_CORE_OLD_BYTES = 18, /* memory is different; site */
	/* empty, too large, outside the bytes, or not read-only data or bug table */
	RESPLICE_CORE_BAD_DATA = 19,
	RESPLICE_CORE_OLD_DATA = 20, /* memory is different; data entry */
	RESPLICE_CORE_BAD_HOOK = 21, /* no such kind */
	RESPLICE_CORE_PROBED = 22, /* a kprobe is on the bytes of the jump; site */
	/*
	 * an applied update that is not replaced has changed the same bytes; site, or sites + data
	 * entry
	 */
	RESPLICE_CORE_CONFLICT = 23,
	/* it was tried; nothing has changed */
	RESPLICE_CORE_BUSY = 24, /* a thread is in the way: busy */
	/* error: what it returned; item: index of the hook, name: the update it belongs to */
	RESPLICE_CORE_HOOK_REFUSED = 25,
	/* UNDO, FORGET, replacing: another update is built on it; name: that one */
	RESPLICE_CORE_NEEDED = 26,
	RESPLICE_CORE_FAILED = 27, /* the kernel could not: error */
	RESPLICE_CORE_BAD_OBJECT = 28, /* no such object, or symbol of it; item: the entry */
	RESPLICE_CORE_BAD_FIXUP = 29, /* outside of the update's module, or no such type */
	RESPLICE_CORE_NO_SYMBOL = 30, /* the object does not have it, or has several; symbol */
	RESPLICE_CORE_WRONG_BUILD = 31, /* the module has another build id; item: the object */
};

#define RESPLICE_CORE_NO_ITEM 0xffffffff

/*
 * `flags` of busy: found by a scan of the whole stack, so the frame is an offset in words, and
 * the address may be a left-over
 */
#define RESPLICE_CORE_GUESSED 1
/* the stack cannot be judged: a return address is kept elsewhere by a tracer */
#define RESPLICE_CORE_HIDDEN 2

struct resplice_core_busy { /* 40 bytes: the thread that is in the way */
	__u64 address; /* where it runs or returns to */
	__u32 pid;
	__u32 tgid;
	__u32 frame; /* 0 is the innermost */
	__u32 flags;
	char comm[16];
};

enum resplice_core_state {
	RESPLICE_CORE_PREPARED = 1,
	RESPLICE_CORE_APPLIED,
	RESPLICE_CORE_UNDONE,
};

struct resplice_core_update { /* 80 bytes */
	char name[RESPLICE_CORE_NAME_SIZE];
	__u32 state;
	__u32 sites;
	__u32 data;
	__u32 waiting; /* objects that it changes and that are not there */
};

struct resplice_core_reply { /* 176 bytes */
	__u32 magic;
	__u16 abi;
	__u16 type;
	__u32 size; /* of all of it, the updates of STATUS included */
	__u32 code;
	__u32 item;
	__s32 error; /* negative errno */
	__u32 attempts; /* made so far */
	__u32 updates; /* STATUS: entries that follow */
	/* the last stop, as the working CPU saw it: from its entry into the stop to its end */
	__u64 pause_ns;
	__u64 stop_ns; /* the last stop with the calling of all CPUs together and their release */
	__u64 switched_ns; /* CLOCK_MONOTONIC when the switch was done; 0 when it was not */
	__u64 prepare_ns; /* the last attempt up to the stop: looking at all stacks */
	__u32 judged; /* stacks looked at before the last stop */
	__u32 judged_again; /* inside it */
	struct resplice_core_busy busy;
	/* another update, with NEEDED, CONFLICT and HOOK_REFUSED; else of zeros */
	char name[RESPLICE_CORE_NAME_SIZE];
	struct resplice_core_update list[];
};

#endif
