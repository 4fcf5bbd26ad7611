/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Read before the source of an object that belongs to a module.
 *
 * A static branch is a jump that the kernel rewrites when its key changes,
 * through a table that it reads when an update is loaded. The key of a module
 * may not be there at that time. Code in an update therefore asks the key
 * itself each time; the key and everything that contains one keep their layout.
 */
#ifndef _ASM_X86_JUMP_LABEL_H
#define _ASM_X86_JUMP_LABEL_H

#ifndef __ASSEMBLY__
/* As jump_label_type() decides: taken when the key is on and the branch not its default, or the reverse. */
#define resplice_key_is_on(key) (*(const volatile int *)&(key)->enabled.counter != 0)
#define arch_static_branch(key, branch) (resplice_key_is_on(key) != (branch))
#define arch_static_branch_jump(key, branch) arch_static_branch(key, branch)

struct jump_entry;
int arch_jump_entry_size(struct jump_entry *entry);
#endif

#endif
