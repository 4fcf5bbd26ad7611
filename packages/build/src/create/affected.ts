// From the files of a patch to the objects that have to be compiled: sources through the compile database, headers through the
// include graph. Every path is accounted for: compiled, reported as not built in this configuration, or a reason to refuse.

import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Reason } from '@resplice/report';
import type { PatchedContent } from '../patch/patch-stack.js';
import { sourceText } from '../patch/source-text.js';
import { isIdleTool, isSameRule } from '../tree/build-rule.js';
import { findIncluders } from '../tree/include-graph.js';
import { parseKernelConfig } from '../tree/kernel-config.js';
import type { OffsetListing } from '../tree/offset-listing.js';
import { isDirectoryRule, isOptionRule } from '../tree/patched-rules.js';
import { findPathRoles, isUnused } from '../tree/path-role.js';
import type { PreparedTree } from '../tree/prepare-tree.js';

export interface AffectedObjects {
  /** Objects whose source file itself changes. */
  readonly direct: readonly string[];
  /** Objects that may include a changed file; those whose text stays the same need not be compiled. */
  readonly including: readonly string[];
  /** Build rules whose text does not show that they mean the same, and that can be asked (tree/patched-rules.ts). */
  readonly rules: readonly string[];
  /** Files from which others are generated, and those. */
  readonly generating: ReadonlyMap<string, readonly string[]>;
  /** Headers of numbers in which one of the files may have a say. */
  readonly listings: readonly OffsetListing[];
  /** New sources; those that no rule compiles are without effect. */
  readonly newSources: readonly string[];
  /** Paths without effect on this configuration. */
  readonly notBuilt: readonly string[];
  readonly reasons: readonly Reason[];
}

/** Finds all objects that a set of changed files can affect. */
export async function findAffected(
  tree: PreparedTree,
  files: ReadonlyMap<string, PatchedContent>,
): Promise<AffectedObjects> {
  const direct = new Set<string>();
  const headers: string[] = [];
  const notBuilt: string[] = [];
  const reasons: Reason[] = [];
  const roles = await findPathRoles(tree, [...files.keys()]);
  const options = parseKernelConfig(await readFile(join(tree.directory, '.config'), 'utf8'));
  const isNeutral = (path: string) =>
    isSameRule(path, sourceText(files.get(path)?.before), sourceText(files.get(path)?.after), options);
  const rules: string[] = [];
  const newSources: string[] = [];
  const generating = new Map<string, readonly string[]>();
  const listings = new Set<OffsetListing>();
  for (const [path, role] of roles) {
    const content = files.get(path);
    const isNew = content?.before === null;
    if (role.buildRule && (isIdleTool(path, options) || isNeutral(path))) {
      notBuilt.push(path);
    } else if (role.buildRule && (isDirectoryRule(path) || isOptionRule(path))) {
      rules.push(path);
    } else if (role.buildRule) {
      const found = 'it is a build rule or an option';
      reasons.push({ code: 'patch-changes-build', subject: { file: path }, found });
    } else if (isNew && isSource(path)) {
      // Should a file of the patch include it, it is compiled there.
      newSources.push(path);
    } else if (isSource(path) && content?.after === null && role.compiledTo.length > 0) {
      const found = 'it is removed, and its code is part of the running kernel';
      reasons.push({ code: 'patch-removes-source', subject: { file: path }, found });
    } else if (isUnused(role)) {
      // A new header is compiled with whatever file of the patch includes it.
      if (!isNew) notBuilt.push(path);
    }
    if (role.generates.length > 0) generating.set(path, role.generates);
    for (const listing of role.listings) listings.add(listing);
    // Only numbers come of it, which may all stay the same.
    if (role.listings.length > 0 && !role.included) notBuilt.push(path);
    for (const object of role.compiledTo) direct.add(object);
    if (role.included) headers.push(path);
  }
  const including = headers.length === 0 ? [] : await findIncluders(tree, headers);
  for (const object of [...direct, ...including]) {
    if (tree.database.find(object)?.place !== 'aside' || !direct.has(object)) continue;
    reasons.push({
      code: 'patch-changes-boot-code',
      subject: { object },
      found: 'it is built, but not into the kernel or a module',
    });
  }
  return {
    direct: [...direct].sort(),
    including: including.filter((object) => !direct.has(object)).sort(),
    rules,
    generating,
    listings: [...listings],
    newSources,
    notBuilt: notBuilt.sort(),
    reasons,
  };
}

function isSource(path: string): boolean {
  return /\.[cS]$/.test(path);
}
