/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Is a module the one that an update was made for? The linker's note with the build id tells. It
 * is in the module's read-only data, the first of it, but nothing in memory says where before the
 * module is in sysfs, which is later than we have to know: so it is looked for. Twenty bytes of a
 * hash are nowhere by chance.
 */
#ifndef RESPLICE_MODULE_BUILD_H
#define RESPLICE_MODULE_BUILD_H

#include <linux/elf.h>
#include <linux/module.h>

struct resplice_build_note {
	struct elf_note head;
	char owner[4];
};

static inline bool resplice_is_build(const struct module *module, const void *id, u32 size)
{
	static const struct resplice_build_note prefix = {
		.head = { .n_namesz = 4, .n_type = 3 /* NT_GNU_BUILD_ID */ },
		.owner = "GNU",
	};
	struct resplice_build_note note = prefix;
	const void *at, *end;

	note.head.n_descsz = size;
#ifdef for_each_mod_mem_type
	at = module->mem[MOD_RODATA].base;
	end = at + module->mem[MOD_RODATA].size;
#else
	at = module->core_layout.base + module->core_layout.text_size;
	end = module->core_layout.base + module->core_layout.ro_size;
#endif
	for (; at + sizeof(note) + size <= end; at += 4)
		if (!memcmp(at, &note, sizeof(note)) && !memcmp(at + sizeof(note), id, size))
			return true;
	return false;
}

#endif
