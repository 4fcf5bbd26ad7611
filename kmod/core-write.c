// SPDX-License-Identifier: GPL-2.0-only
/*
 * Writes changes into the kernel. All CPUs stand still and no thread is in what is replaced,
 * but NMIs and machine checks still come, on any CPU, and their handlers may call a function
 * whose first bytes are just being written. So a jump is written as the kernel itself writes
 * one into running code: first a breakpoint on its first byte; then, when every CPU has been
 * outside of such a handler once and has seen it, the rest; then the first byte. Whoever
 * meets a breakpoint goes on in the new code, which is there until nobody is in it.
 *
 * The kernel's own text_poke_bp() cannot be used: it sends interrupts to CPUs that have them
 * off here, and its breakpoints are not written in one moment with everything else.
 */
#include <linux/cpu.h>
#include <linux/kdebug.h>
#include <linux/memory.h>
#include <linux/ptrace.h>
#include <asm/text-patching.h>
#include "core.h"

/* The kernel changes text under these, in this order. */
void core_lock_text(void)
{
#ifdef CONFIG_KPROBES
	mutex_lock(&kprobe_mutex);
#endif
	cpus_read_lock();
	mutex_lock(&text_mutex);
}

void core_unlock_text(void)
{
	mutex_unlock(&text_mutex);
	cpus_read_unlock();
#ifdef CONFIG_KPROBES
	mutex_unlock(&kprobe_mutex);
#endif
}

/* text_poke_kgdb() is text_poke() for a stopped machine: another thread holds the mutex for us. */
static void poke(unsigned long address, const u8 *bytes, u32 size)
{
	u32 done, part;

	for (done = 0; done < size; done += part) {
		part = min_t(u32, size - done, PAGE_SIZE);
		text_poke_kgdb((void *)address + done, bytes + done, part);
	}
}

enum step { TRAP, REST, FIRST };

/* What comes at the same place is written behind what goes from there, and is what stays. */
static bool comes_there(const struct plan *plan, unsigned long address)
{
	const struct change *change;

	if (!plan->in)
		return false;
	for (change = plan->in->changes; change < plan->in->changes + plan->in->count; change++)
		if (core_concerns(plan, change->object) && address >= change->address &&
		    address < change->address + change->size)
			return true;
	return false;
}

static void write_step(const struct plan *plan, const struct update *update, enum step step)
{
	bool comes = update == plan->in;
	u32 i;

	for (i = 0; i < update->count; i++) {
		const struct change *change = &update->changes[i];
		const u8 *bytes = comes ? change->new : change->old;
		bool is_jump = i < update->request->sites;

		if (!core_concerns(plan, change->object))
			continue;
		if (!is_jump && step == REST)
			poke(change->address, bytes, change->size);
		else if (is_jump && step == TRAP)
			poke(change->address, (const u8 []){ INT3_INSN_OPCODE }, 1);
		else if (is_jump && step == REST)
			poke(change->address + 1, bytes + 1, change->size - 1);
		else if (is_jump && (comes || !comes_there(plan, change->address)))
			poke(change->address, bytes, 1);
	}
}

/* `everybody` returns when all CPUs see what was written; NULL when none can run there. */
void core_write_all(struct plan *plan, void (*everybody)(void *data), void *data)
{
	enum step step;
	u32 i;

	for (step = TRAP; step <= FIRST; step++) {
		for (i = 0; i < plan->outs; i++)
			write_step(plan, plan->out[i], step);
		if (plan->in)
			write_step(plan, plan->in, step);
		if (everybody)
			everybody(data);
	}
}

/* What is written now. */
static const struct plan *expected;

static unsigned long find_target(const struct plan *plan, const struct update *update,
				 unsigned long address)
{
	u32 i;

	for (i = 0; i < update->request->sites; i++)
		if (core_concerns(plan, update->changes[i].object) &&
		    update->changes[i].address == address)
			return update->sites[i].target;
	return 0;
}

static int on_trap(struct notifier_block *block, unsigned long event, void *data)
{
	const struct plan *plan = READ_ONCE(expected);
	struct pt_regs *regs = ((struct die_args *)data)->regs;
	unsigned long target;
	u32 i;

	if (event != DIE_INT3 || !plan || user_mode(regs))
		return NOTIFY_DONE;
	target = plan->in ? find_target(plan, plan->in, regs->ip - 1) : 0;
	for (i = 0; i < plan->outs && !target; i++)
		target = find_target(plan, plan->out[i], regs->ip - 1);
	if (!target)
		return NOTIFY_DONE;
	regs->ip = target;
	return NOTIFY_STOP;
}

static struct notifier_block trapping = { .notifier_call = on_trap, .priority = INT_MAX };

/* Before the stop and after it: no CPU is in a handler that has met a breakpoint any more. */
void core_expect_traps(const struct plan *plan)
{
	WRITE_ONCE(expected, plan);
}

int core_catch_traps(void)
{
	return register_die_notifier(&trapping);
}

void core_release_traps(void)
{
	unregister_die_notifier(&trapping);
}
