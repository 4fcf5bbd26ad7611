/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Gives each function of an assembly file a section of its own, as -ffunction-sections does for C: the assembler then leaves branches between them
 * to the linker, in their long form, and a function can be taken out of the file. Only for files whose code is all in .text.
 */
#include <linux/linkage.h>
#include <linux/stringify.h>

#undef SYM_START
#define SYM_START(name, linkage, align...)                                         \
	.section __stringify(.text.resplice.name), "ax", @progbits ASM_NL          \
	SYM_ENTRY(name, linkage, align)
