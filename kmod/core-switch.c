// SPDX-License-Identifier: GPL-2.0-only
/*
 * Switches over: with all CPUs stopped, the changes of one update come, and those of
 * others go, or nothing happens at all. What can be checked is checked before, under the
 * locks by which the kernel itself changes text, so that little is left for the stop:
 * the stacks of threads that have run just now, hooks, writing.
 */
#include <linux/cpu.h>
#include <linux/delay.h>
#include <linux/ktime.h>
#include <linux/memory.h>
#include <linux/rcupdate.h>
#include <linux/slab.h>
#include <linux/stop_machine.h>
#include <asm/sync_core.h>
#include <asm/text-patching.h>
#include "core.h"

struct stop {
	struct plan *plan;
	int worker; /* the CPU that does the work */
	int cpus;
	atomic_t arrived;
	atomic_t judged;
	atomic_t found;
	u32 turn; /* writings so far */
	atomic_t synced; /* CPUs that have seen one, over all turns */
	bool over;
	u32 code;
};

static u32 run_hooks(struct plan *plan, const struct update *update, u32 kind, bool asks)
{
	u32 i;
	int err;

	for (i = 0; i < update->request->hooks; i++) {
		void *hook = (void *)(unsigned long)update->hooks[i].function;
		u32 object = update->hooks[i].object;

		if (update->hooks[i].kind != kind ||
		    !core_concerns(plan, object ? &update->objects[object - 1] : NULL))
			continue;
		if (!asks) {
			((void (*)(void))hook)();
			continue;
		}
		err = ((int (*)(void))hook)();
		if (err) {
			plan->job->reply->error = err > 0 ? -EINVAL : err;
			return core_refuse_for(plan, update, RESPLICE_CORE_HOOK_REFUSED, i);
		}
	}
	return RESPLICE_CORE_OK;
}

/* Those of what goes, then those of what comes; kind 0 is none. */
u32 core_run_hooks(struct plan *plan, u32 out_kind, u32 in_kind, bool asks)
{
	u32 code = RESPLICE_CORE_OK, i;

	for (i = 0; i < plan->outs && !code; i++)
		code = run_hooks(plan, plan->out[i], out_kind, asks);
	return code ?: plan->in ? run_hooks(plan, plan->in, in_kind, asks) : RESPLICE_CORE_OK;
}

/* On all CPUs but the worker's: waits for the end, and takes part in each writing. */
static void stand_by(struct stop *stop)
{
	u32 done = 0, turn;

	/* Pairs with in_stop(): new text is seen before the others go on. */
	while (!smp_load_acquire(&stop->over)) {
		/* Pairs with let_all_see(). */
		turn = smp_load_acquire(&stop->turn);
		if (turn == done) {
			cpu_relax();
			continue;
		}
		done = turn;
		sync_core();
		/* Pairs with let_all_see(): outside of any handler since that turn began. */
		atomic_inc_return_release(&stop->synced);
	}
}

static void let_all_see(void *data)
{
	struct stop *stop = data;
	u32 turn = stop->turn + 1;

	/* Pairs with stand_by(). */
	smp_store_release(&stop->turn, turn);
	sync_core();
	/* Pairs with stand_by(). */
	while (atomic_read_acquire(&stop->synced) < turn * (stop->cpus - 1))
		cpu_relax();
}

static u32 switch_over(struct stop *stop)
{
	struct plan *plan = stop->plan;
	u32 code;

	if (plan->dry)
		return RESPLICE_CORE_OK;
	code = core_run_hooks(plan, RESPLICE_KIND_CHECK_UNDO, RESPLICE_KIND_CHECK_APPLY, true);
	if (code)
		return code;
	core_run_hooks(plan, RESPLICE_KIND_UNDO, 0, false);
	core_write_all(plan, let_all_see, stop);
	core_run_hooks(plan, 0, RESPLICE_KIND_APPLY, false);
	plan->job->reply->switched_ns = ktime_get_ns();
	return RESPLICE_CORE_OK;
}

/* On every CPU, with interrupts off. */
static int in_stop(void *data)
{
	struct stop *stop = data;
	struct resplice_core_reply *reply = stop->plan->job->reply;
	bool works = smp_processor_id() == stop->worker;
	u64 start = works ? ktime_get_ns() : 0;
	struct resplice_core_busy busy;
	u32 judged = 0;

	if (core_judge_stopped(&stop->plan->where, &busy, works, &judged) &&
	    !atomic_xchg(&stop->found, 1))
		reply->busy = busy;
	atomic_add(judged, &stop->judged);
	atomic_inc_return_release(&stop->arrived);
	if (works) {
		/* Pairs with the atomic_inc_return_release() of the others: their findings. */
		while (atomic_read_acquire(&stop->arrived) < stop->cpus)
			cpu_relax();
		stop->code = atomic_read(&stop->found) ? RESPLICE_CORE_BUSY :
							 switch_over(stop);
		/* Pairs with stand_by(). */
		smp_store_release(&stop->over, true);
		reply->pause_ns = ktime_get_ns() - start;
	} else {
		stand_by(stop);
	}
	sync_core();
	return 0;
}

static u32 stop_and_switch(struct plan *plan)
{
	struct resplice_core_reply *reply = plan->job->reply;
	struct stop stop = { .plan = plan, .worker = cpumask_first(cpu_online_mask),
			     .cpus = num_online_cpus() };
	u64 start = ktime_get_ns();
	int err;

	core_expect_traps(plan);
	err = stop_machine_cpuslocked(in_stop, &stop, cpu_online_mask);
	core_expect_traps(NULL);
	reply->stop_ns = ktime_get_ns() - start;
	reply->judged_again = atomic_read(&stop.judged);
	return err ? core_fail(plan->job, err) : stop.code;
}

static u32 attempt(struct plan *plan)
{
	struct resplice_core_reply *reply = plan->job->reply;
	u64 start = ktime_get_ns();
	u32 code;

	core_watch_clear();
	if (core_judge_all(&plan->where, reply))
		return RESPLICE_CORE_BUSY;
	core_lock_text();
	code = core_check_memory(plan);
	reply->prepare_ns = ktime_get_ns() - start;
	if (!code)
		code = stop_and_switch(plan);
	core_unlock_text();
	return code;
}

static u32 attempt_all(struct plan *plan)
{
	const struct resplice_core_request *request = plan->job->request;
	u32 pause = request->backoff_us, code;
	int err = core_watch_begin();

	if (err)
		return core_fail(plan->job, err);
	for (;;) {
		WRITE_ONCE(plan->job->attempts, plan->job->attempts + 1);
		code = attempt(plan);
		if (code != RESPLICE_CORE_BUSY || plan->job->attempts >= request->attempts)
			break;
		if (pause)
			fsleep(pause);
		pause = min_t(u32, 2 * pause, RESPLICE_CORE_LIMIT_BACKOFF_US);
	}
	if (code != RESPLICE_CORE_BUSY)
		memset(&plan->job->reply->busy, 0, sizeof(plan->job->reply->busy));
	return code;
}

/* After a switch. The list stays in its order. */
static void note_states(struct plan *plan)
{
	struct update *update;
	u32 i;

	mutex_lock(&core_updates_lock);
	for (i = 0; i < plan->outs; i++) {
		plan->out[i]->state = RESPLICE_CORE_UNDONE;
		list_move_tail(&plan->out[i]->list, &core_updates);
	}
	if (plan->in) {
		plan->in->state = RESPLICE_CORE_APPLIED;
		plan->in->was_applied = true;
		list_del(&plan->in->list);
		list_for_each_entry(update, &core_updates, list)
			if (update->state != RESPLICE_CORE_APPLIED)
				break;
		/* Before the first that is not applied, or the head. */
		list_add_tail(&plan->in->list, &update->list);
	}
	mutex_unlock(&core_updates_lock);
}

static u32 carry_out(struct plan *plan)
{
	u32 code, i;

	core_lock_text();
	code = core_check_memory(plan);
	core_unlock_text();
	if (code || plan->dry)
		return code ?: attempt_all(plan);
	/* These change nothing, so nothing is to be made good when one refuses. */
	code = core_run_hooks(plan, RESPLICE_KIND_PRE_UNDO, 0, true);
	if (code)
		return code;
	code = core_run_hooks(plan, 0, RESPLICE_KIND_PRE_APPLY, true);
	if (code) {
		core_run_hooks(plan, 0, RESPLICE_KIND_FAIL_APPLY, false);
		return code;
	}
	code = attempt_all(plan);
	if (code) {
		core_run_hooks(plan, RESPLICE_KIND_FAIL_UNDO, RESPLICE_KIND_FAIL_APPLY, false);
		return code;
	}
	note_states(plan);
	core_run_hooks(plan, RESPLICE_KIND_POST_UNDO, RESPLICE_KIND_POST_APPLY, false);
	/* Behind the hooks, which may use what belongs to a module. */
	for (i = 0; i < plan->outs; i++)
		core_detach_all(plan->out[i]);
	return RESPLICE_CORE_OK;
}

static u32 apply(struct plan *plan)
{
	struct update *in = plan->in;
	u32 code = core_find_replaced(plan) ?: core_attach_loaded(plan->job, in);

	if (code)
		return code;
	code = core_check_conflicts(plan) ?: core_check_dependents(plan) ?:
	       core_find_forbidden(plan, true) ?: carry_out(plan);
	if (code || plan->dry)
		core_detach_all(in);
	return code;
}

static u32 undo(struct plan *plan)
{
	if (plan->job->request->names)
		return RESPLICE_CORE_BAD_COUNT;
	return core_check_dependents(plan) ?: core_find_forbidden(plan, true) ?: carry_out(plan);
}

/* No thread can enter an update that is undone, but one that may coexist can still be in it. */
static u32 forget(struct plan *plan)
{
	struct update *update = plan->out[0];
	u32 code = core_check_dependents(plan) ?: core_find_forbidden(plan, false);

	plan->dry = true;
	plan->outs = 0; /* what it wrote is not in memory any more */
	if (!code && update->was_applied)
		code = attempt_all(plan);
	if (code)
		return code;
	/* A thread that ends is on no list any more, but this waits for those, too. */
	if (update->was_applied)
		synchronize_rcu_tasks();
	mutex_lock(&core_updates_lock);
	list_del(&update->list);
	mutex_unlock(&core_updates_lock);
	core_free_update(update);
	module_put(THIS_MODULE);
	return RESPLICE_CORE_OK;
}

/* CHECK, APPLY, UNDO, FORGET; the core's thread calls it. */
u32 core_switch(struct job *job)
{
	const struct resplice_core_request *request = job->request;
	bool forgets = request->type == RESPLICE_CORE_FORGET;
	bool back = request->type == RESPLICE_CORE_UNDO ||
		    request->flags & RESPLICE_CORE_CHECK_UNDO;
	struct plan plan = { .job = job, .dry = request->type == RESPLICE_CORE_CHECK };
	struct update *update = core_find(request->name);
	u32 code;

	if (!update)
		return RESPLICE_CORE_UNKNOWN;
	if (forgets ? update->state == RESPLICE_CORE_APPLIED :
		      update->state != (back ? RESPLICE_CORE_APPLIED : RESPLICE_CORE_PREPARED))
		return RESPLICE_CORE_WRONG_STATE;
	plan.where.by_words = request->flags & RESPLICE_CORE_BY_WORDS;
	plan.out = kvcalloc(request->names + 1, sizeof(*plan.out), GFP_KERNEL);
	if (!plan.out)
		return core_fail(job, -ENOMEM);
	if (back || forgets)
		plan.out[plan.outs++] = update;
	else
		plan.in = update;
	code = forgets ? forget(&plan) : back ? undo(&plan) : apply(&plan);
	kvfree(plan.where.ranges.stretch);
	kvfree(plan.where.except.stretch);
	kvfree(plan.out);
	return code;
}
