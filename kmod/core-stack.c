// SPDX-License-Identifier: GPL-2.0-only
/*
 * Does a thread run, or will it return, where code is about to change?
 *
 * With all CPUs stopped every thread stands still, but looking at all of them then
 * makes a long stop on a machine with many threads. So they are looked at before, each
 * pinned for a moment, and a probe in the scheduler notes each thread that is switched
 * away from: when the machine stands still, that is every thread that has run since.
 * Inside the stop each CPU looks again at those it has noted. A thread that has never
 * run returns only to the code that starts threads, and enters the rest at its beginning.
 *
 * The stack is read by the kernel's reliable unwinder. Where that gives up, or the
 * kernel has none, every word of the stack counts as a return address: a left-over may
 * then be in the way for nothing, but nothing is missed. Except what tracers keep
 * elsewhere: a stack that the unwinder cannot read and that has the address of a
 * tracer's trampoline is in the way, too.
 */
#include <linux/bsearch.h>
#include <linux/hash.h>
#include <linux/kprobes.h>
#include <linux/percpu.h>
#include <linux/sched/signal.h>
#include <linux/sched/task.h>
#include <linux/sched/task_stack.h>
#include <linux/stacktrace.h>
#include <linux/tracepoint.h>
#include <linux/wait.h>
#include "core.h"

#define DEPTH 128 /* frames; deeper stacks are scanned */
#define SEEN_BITS 10
#define SEEN_SLOTS (1 << SEEN_BITS)
#define SEEN_TRIES 16

/* The threads that a CPU has switched away from, held: a hash table, for they come again. */
struct seen {
	bool overflow;
	u32 count;
	u16 used[SEEN_SLOTS]; /* slots, as they were filled */
	struct task_struct *slot[SEEN_SLOTS];
};

struct watch {
	struct seen *now;
	struct seen set[2];
	unsigned long entries[DEPTH];
};

static struct watch __percpu *watches;

static int compare_address(const void *key, const void *element)
{
	const unsigned long address = *(const unsigned long *)key;
	const struct stretch *stretch = element;

	return address <= stretch->start ? -1 : address >= stretch->end;
}

static bool is_in(const struct ranges *ranges, unsigned long address)
{
	return bsearch(&address, ranges->stretch, ranges->count, sizeof(*ranges->stretch),
		       compare_address);
}

static bool is_forbidden(const struct forbidden *where, unsigned long address)
{
	return is_in(&where->ranges, address) && !is_in(&where->except, address);
}

static bool report(struct task_struct *task, unsigned long address, u32 frame, u32 flags,
		   struct resplice_core_busy *busy)
{
	*busy = (struct resplice_core_busy){ .address = address, .pid = task->pid,
		.tgid = task->tgid, .frame = frame, .flags = flags };
	/* The name may change meanwhile, but never its last byte. */
	memcpy(busy->comm, task->comm, sizeof(busy->comm));
	return true;
}

/* Where this stands on a stack, the return address is kept elsewhere. */
static bool hides_address(unsigned long word)
{
#if defined(CONFIG_RETHOOK)
	if (word == (unsigned long)arch_rethook_trampoline)
		return true;
#elif defined(CONFIG_KRETPROBES)
	if (word == (unsigned long)__kretprobe_trampoline)
		return true;
#endif
#ifdef CONFIG_FUNCTION_GRAPH_TRACER
	if (word == (unsigned long)return_to_handler)
		return true;
#endif
	return false;
}

static bool scan_stack(struct task_struct *task, const struct forbidden *where,
		       struct resplice_core_busy *busy)
{
	unsigned long *stack = try_get_task_stack(task), *start, *word, *end;
	bool found = false;

	if (!stack)
		return false;
	end = stack + THREAD_SIZE / sizeof(*end);
	start = task == current ? __builtin_frame_address(0) : (unsigned long *)task->thread.sp;
	if (start < stack || start >= end)
		start = stack;
	for (word = start; word < end && !found; word++) {
		unsigned long value = READ_ONCE_NOCHECK(*word);

		if (is_forbidden(where, value))
			found = report(task, value, word - start, RESPLICE_CORE_GUESSED, busy);
		else if (hides_address(value))
			found = report(task, value, word - start, RESPLICE_CORE_HIDDEN, busy);
	}
	put_task_stack(task);
	return found;
}

/* The thread does not run, or is the one that runs this; interrupts are off. */
static bool judge(struct task_struct *task, const struct forbidden *where,
		  struct resplice_core_busy *busy)
{
	unsigned long *entries = this_cpu_ptr(watches)->entries;
	int count = -EOPNOTSUPP, i;

#if defined(CONFIG_HAVE_RELIABLE_STACKTRACE) && defined(CONFIG_STACKTRACE)
	if (!where->by_words)
		count = stack_trace_save_tsk_reliable(task, entries, DEPTH);
#endif
	if (count < 0)
		return scan_stack(task, where, busy);
	for (i = 0; i < count; i++)
		if (is_forbidden(where, entries[i]))
			return report(task, entries[i], i, 0, busy);
	return false;
}

/* What runs is judged later: when noted, or by itself in the stop. */
static bool judge_other(struct task_struct *task, const struct forbidden *where,
			struct resplice_core_busy *busy)
{
#ifdef CONFIG_SMP
	if (READ_ONCE(task->on_cpu))
		return false;
#endif
	return task != current && judge(task, where, busy);
}

struct question {
	const struct forbidden *where;
	struct resplice_core_busy *busy;
};

static int judge_pinned(struct task_struct *task, void *data)
{
	const struct question *question = data;

	return judge_other(task, question->where, question->busy);
}

/* Looks at all threads while the machine runs. True: one is in the way. */
bool core_judge_all(const struct forbidden *where, struct resplice_core_reply *reply)
{
	struct question question = { where, &reply->busy };
	struct task_struct *process, *task;
	bool found = false;

	reply->judged = 0;
	rcu_read_lock();
	for_each_process_thread(process, task) {
		reply->judged++;
		found = task_call_func(task, judge_pinned, &question);
		if (found)
			goto out;
	}
out:
	rcu_read_unlock();
	return found;
}

static bool judge_seen(int cpu, const struct forbidden *where, struct resplice_core_busy *busy,
		       u32 *judged)
{
	const struct seen *seen = per_cpu_ptr(watches, cpu)->now;
	u32 i;

	for (i = 0; i < seen->count; i++)
		if (judge_other(seen->slot[seen->used[i]], where, busy))
			return true;
	*judged += seen->count;
	return false;
}

static bool is_noting_complete(void)
{
	int cpu;

	for_each_possible_cpu(cpu)
		if (per_cpu_ptr(watches, cpu)->now->overflow)
			return false;
	return IS_ENABLED(CONFIG_TRACEPOINTS);
}

/*
 * On every CPU of the stopped machine: the thread that holds it, its idle thread,
 * those that it has noted. One CPU does for the absent ones.
 */
bool core_judge_stopped(const struct forbidden *where, struct resplice_core_busy *busy,
			bool works, u32 *judged)
{
	int this_cpu = smp_processor_id(), cpu;
	struct task_struct *process, *task = idle_task(this_cpu);

	*judged += 2;
	if (judge(current, where, busy) || (task != current && judge(task, where, busy)) ||
	    judge_seen(this_cpu, where, busy, judged))
		return true;
	if (!works)
		return false;
	for_each_possible_cpu(cpu)
		if (!cpu_online(cpu) && judge_seen(cpu, where, busy, judged))
			return true;
	if (is_noting_complete())
		return false;
	for_each_process_thread(process, task) {
		++*judged;
		if (judge_other(task, where, busy))
			return true;
	}
	return false;
}

#ifdef CONFIG_TRACEPOINTS
#include <trace/events/sched.h>

static struct tracepoint *sched_switch;

static void note_switch(void *data, bool preempt, struct task_struct *prev,
			struct task_struct *next, unsigned int prev_state)
{
	struct seen *seen = this_cpu_ptr(watches)->now;
	unsigned int hash = hash_ptr(prev, SEEN_BITS), i;

	if (is_idle_task(prev))
		return;
	for (i = hash; i < hash + SEEN_TRIES; i++) {
		struct task_struct **slot = &seen->slot[i % SEEN_SLOTS];

		if (*slot == prev)
			return;
		if (!*slot) {
			*slot = get_task_struct(prev);
			seen->used[seen->count++] = i % SEEN_SLOTS;
			return;
		}
	}
	seen->overflow = true;
}

static void find_sched_switch(struct tracepoint *tracepoint, void *data)
{
	if (!strcmp(tracepoint->name, "sched_switch"))
		sched_switch = tracepoint;
}

static int begin_noting(void)
{
	check_trace_callback_type_sched_switch(note_switch);
	for_each_kernel_tracepoint(find_sched_switch, NULL);
	return sched_switch ? tracepoint_probe_register(sched_switch, note_switch, NULL) : -ENOENT;
}

static void end_noting(void)
{
	tracepoint_probe_unregister(sched_switch, note_switch, NULL);
	tracepoint_synchronize_unregister();
}
#else
static int begin_noting(void)
{
	return 0;
}

static void end_noting(void)
{
}
#endif

int core_watch_begin(void)
{
	int cpu, err;

	watches = alloc_percpu(struct watch);
	if (!watches)
		return -ENOMEM;
	for_each_possible_cpu(cpu)
		per_cpu_ptr(watches, cpu)->now = per_cpu_ptr(watches, cpu)->set;
	err = begin_noting();
	if (err) {
		free_percpu(watches);
		watches = NULL;
	}
	return err;
}

static struct seen *other_set(struct watch *watch)
{
	return watch->now == watch->set ? watch->set + 1 : watch->set;
}

static void change_set(void *data)
{
	this_cpu_ptr(watches)->now = other_set(this_cpu_ptr(watches));
}

static void empty(struct seen *seen)
{
	u32 i;

	for (i = 0; i < seen->count; i++) {
		put_task_struct(seen->slot[seen->used[i]]);
		seen->slot[seen->used[i]] = NULL;
	}
	seen->count = 0;
	seen->overflow = false;
}

/* Forgets what was noted. The sets change places, for no thread is let go of in an interrupt. */
void core_watch_clear(void)
{
	int cpu;

	cpus_read_lock();
	on_each_cpu(change_set, NULL, 1);
	for_each_possible_cpu(cpu) {
		if (!cpu_online(cpu))
			empty(per_cpu_ptr(watches, cpu)->now);
		empty(other_set(per_cpu_ptr(watches, cpu)));
	}
	cpus_read_unlock();
}

void core_watch_end(void)
{
	int cpu;

	if (!watches)
		return;
	end_noting();
	for_each_possible_cpu(cpu) {
		empty(per_cpu_ptr(watches, cpu)->set);
		empty(per_cpu_ptr(watches, cpu)->set + 1);
	}
	free_percpu(watches);
	watches = NULL;
}
