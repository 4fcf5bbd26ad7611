// What a patched path means for this kernel configuration. A path can mean several things: security/selinux/include/classmap.h
// is included by objects and read by the generator of flask.h. Generators and build rules do not run again for a patch (their
// products belong to the prepared tree), so a patch to them must be refused by the caller rather than half applied.

import { join } from 'node:path';
import { exists } from '../debian/store.js';
import { recipeWords } from './generated-files.js';
import { isOtherMachine, readIncludeGraph } from './include-graph.js';
import { findListings, type OffsetListing, openReads } from './offset-listing.js';
import type { PreparedTree } from './prepare-tree.js';

export interface PathRoles {
  /** Objects that are compiled from it. */
  readonly compiledTo: readonly string[];
  /** Whether some object's sources may include it. */
  readonly included: boolean;
  /** Generated sources that are made from it. */
  readonly generates: readonly string[];
  /** Headers of numbers in which it may have a say. */
  readonly listings: readonly OffsetListing[];
  /** A Makefile, Kconfig file, script or table that steers the build. */
  readonly buildRule: boolean;
}

const GENERATED_SOURCE = /\.(?:c|h|S|inc)$/;
const ASIDE = /^(?:Documentation|tools|samples|usr|LICENSES|rust|\.\w+)\//;
/** Scripts for people; no Makefile calls them. */
const FOR_PEOPLE =
  /^scripts\/(?:checkpatch\.pl|const_structs\.checkpatch|spelling\.txt|get_maintainer\.pl|bloat-o-meter|decode_stacktrace\.sh|faddr2line|ver_linux|gdb\/|coccinelle\/)/;
const TEXT = /\.(?:c|h|S|s|inc|rst|txt|md|yaml|dts|dtsi|dtso|rs|json)$/;

/** Path → roles. A path without any role is not used in this configuration: another architecture's, or a driver that is not built. */
export async function findPathRoles(
  tree: PreparedTree,
  paths: readonly string[],
): Promise<ReadonlyMap<string, PathRoles>> {
  const graph = await readIncludeGraph(tree);
  const all = findListings(tree);
  const products = indexProducts(tree, new Set(all.map(({ listing }) => listing)));
  const used = await Promise.all(
    all
      .filter(({ header }) => graph.isIncluded(header, false))
      .map(async (listing) => ({ listing, reads: await openReads(tree, listing) })),
  );
  const roles = new Map<string, PathRoles>();
  for (const path of paths) {
    const compiledTo = tree.database.bySource(path).map((command) => command.object);
    const generates = findProducts(products, path);
    // arch/arm64/include/asm/tlb.h answers to <asm/tlb.h> as well, but has never been asked.
    const included = graph.isIncluded(path, !(await exists(join(tree.directory, path))));
    const listings = used.filter(({ reads }) => reads(path)).map(({ listing }) => listing);
    const known = compiledTo.length > 0 || included || generates.length > 0 || listings.length > 0;
    roles.set(path, { compiledTo, included, generates, listings, buildRule: !known && isBuildRule(path) });
  }
  return roles;
}

/** Used in no way that this configuration can see. */
export function isUnused({ compiledTo, included, generates, listings, buildRule }: PathRoles): boolean {
  return compiledTo.length + generates.length + listings.length === 0 && !included && !buildRule;
}

/** Input path → what is made from it directly; listings are compiled, and looked at otherwise. */
function indexProducts(
  tree: PreparedTree,
  listings: ReadonlySet<string>,
): ReadonlyMap<string, ReadonlySet<string>> {
  const products = new Map<string, Set<string>>();
  for (const { targets, command } of tree.database.generated) {
    if (targets.some((target) => listings.has(target))) continue;
    for (const input of recipeWords(command)) {
      const made = products.get(input) ?? new Set();
      products.set(input, made);
      for (const target of targets) if (target !== input) made.add(target);
    }
  }
  return products;
}

/** Generated sources, also those made by a tool that is made from the path. */
function findProducts(products: ReadonlyMap<string, ReadonlySet<string>>, path: string): readonly string[] {
  const reached = new Set<string>();
  const queue = [path];
  for (let input = queue.pop(); input !== undefined; input = queue.pop()) {
    for (const target of products.get(input) ?? []) {
      if (reached.has(target)) continue;
      reached.add(target);
      // A generated source is the end: what includes it is the include graph's business.
      if (!GENERATED_SOURCE.test(target)) queue.push(target);
    }
  }
  return [...reached].filter((target) => GENERATED_SOURCE.test(target));
}

/** Errs on the side of yes: a file of the build that is no text for the compiler may well steer it. */
function isBuildRule(path: string): boolean {
  const base = path.slice(path.lastIndexOf('/') + 1);
  if (ASIDE.test(path) || FOR_PEOPLE.test(path) || isOtherMachine(path)) return false;
  return (
    /^(?:Makefile|Kbuild|Kconfig)/.test(base) ||
    path.startsWith('scripts/') ||
    (path.includes('/') && !TEXT.test(path))
  );
}
