// Which atoms belong together: those that would not compile, or would mean something else, without each other.
//
// A name that an atom adds ties it with every atom that newly uses the name; one that it removes with every atom that stops using it; one
// that it gives another signature with every atom whose hunks mention it. A name of a .c file counts in that file and, when a
// declaration changes with it, beyond; a name of a header counts in all files, with two limits against words that everybody uses (`flags`
// of one structure says nothing about another directory): a name that is new because of this atom was not in the user's file before, and
// a name that is not new is one that few of the changed files have. What #include lines an atom changes may serve any part of its file.

import { dirname } from 'node:path/posix';
import type { Atom } from './atom.js';
import { DisjointSets } from './disjoint-sets.js';
import { groupBy } from './group-by.js';
import { isNear, isSameBuild } from './nearness.js';

/** A name in the older text of more of the changed files than this is a common word. */
const FEW = 20;

/** A name in so few of them is hardly a word with two meanings. */
const RARE = 5;

/** A name so long is nobody else's: `vddc_dependency_on_display_clock`. */
const DISTINCT = 12;

/** The shortest part of a pasted name that says something: `dev_` and `_get` are parts of thousands. */
const SHORTEST_PIECE = 5;

/** The changed files as they were. */
export interface OlderTexts {
  has(path: string, name: string): boolean;
  /** In how many of the files the name stands. */
  count(name: string): number;
}

/** Groups of atoms, each in the order given. */
export function tieAtoms(atoms: readonly Atom[], older: OlderTexts): Atom[][] {
  const groups = new DisjointSets(atoms.length);
  const byPath = groupBy(atoms.keys(), (index) => atoms[index]?.path ?? '');
  const users = indexUsers(atoms);
  const created = [...atoms.keys()].filter((index) => atoms[index]?.file.kind === 'create');
  for (const [index, atom] of atoms.entries()) {
    if (atom.includes) for (const other of byPath.get(atom.path) ?? []) groups.join(index, other);
    // #include <rdma/iter.h> of drivers/infiniband/hw/mlx4/mr.c, a header that the release adds.
    for (const included of atom.includedFiles) {
      for (const other of created)
        if (`/${atoms[other]?.path}`.endsWith(`/${included}`)) groups.join(index, other);
    }
    for (const { name, fits } of listNames(atom, older)) {
      for (const other of users.get(name) ?? []) {
        const user = atoms[other];
        if (user === undefined || other === index) continue;
        if (fits(user) && isVisible(atom, user, name, older)) groups.join(index, other);
      }
    }
  }
  tiePasted(atoms, users, older, groups);
  return groups.list().map((indices) => indices.flatMap((index) => atoms[index] ?? []));
}

/** dev_ready_to_probe(), which `__create_dev_flag_accessors(ready_to_probe, …)` of a header makes: both new with this release. */
function tiePasted(
  atoms: readonly Atom[],
  users: ReadonlyMap<string, readonly number[]>,
  older: OlderTexts,
  groups: DisjointSets,
): void {
  const makers = new Map<string, number[]>();
  for (const [index, { path, coined }] of atoms.entries()) {
    if (!path.endsWith('.h')) continue;
    for (const piece of coined)
      if (piece.length >= SHORTEST_PIECE && older.count(piece) === 0)
        makers.set(piece, [...(makers.get(piece) ?? []), index]);
  }
  for (const [name, indices] of users) {
    if (older.count(name) > 0) continue;
    for (let at = name.indexOf('_'); at >= 0; at = name.indexOf('_', at + 1)) {
      for (const maker of makers.get(name.slice(at + 1)) ?? [])
        for (const user of indices)
          if ((atoms[user]?.balance.get(name) ?? 0) > 0 && isSameBuildAs(atoms, maker, user))
            groups.join(maker, user);
    }
  }
}

function isSameBuildAs(atoms: readonly Atom[], a: number, b: number): boolean {
  return isSameBuild(atoms[a]?.path ?? '', atoms[b]?.path ?? '');
}

interface TiedName {
  readonly name: string;
  readonly fits: (user: Atom) => boolean;
}

function listNames(atom: Atom, older: OlderTexts): readonly TiedName[] {
  const balance = (user: Atom, name: string) => user.balance.get(name) ?? 0;
  return [
    ...[...atom.added].map((name) => ({
      name,
      fits: (user: Atom) => balance(user, name) > 0 || user.added.has(name),
    })),
    ...[...atom.removed].map((name) => ({
      name,
      fits: (user: Atom) =>
        balance(user, name) < 0 ||
        user.removed.has(name) ||
        user.added.has(name) ||
        // this_cpu_read(kstack_offset) becomes current->kstack_offset: the word stays, what it names does not.
        (user.touched.has(name) && older.count(name) <= RARE),
    })),
    ...[...atom.resigned].map((name) => ({ name, fits: () => true })),
    // EM(rxrpc_call_see_recvmsg_requeue, "SEE recv-requeue") in a macro of include/trace/events/rxrpc.h makes an enumerator: a name
    // that no changed file had, in a macro of a header and in the user.
    ...[...atom.coined]
      .filter((name) => atom.path.endsWith('.h') && older.count(name) === 0)
      .map((name) => ({ name, fits: (user: Atom) => balance(user, name) > 0 })),
    // A definition that moves within the file, or whose prototype changes elsewhere.
    ...[...atom.definitions]
      .filter((name) => !atom.members.has(name))
      .map((name) => ({
        name,
        fits: (user: Atom) =>
          user.definitions.has(name) &&
          (user.path === atom.path || user.resigned.has(name) || user.added.has(name)),
      })),
  ];
}

/** Can code of `user` mean the name that `atom` changes? */
function isVisible(atom: Atom, user: Atom, name: string, older: OlderTexts): boolean {
  if (user.path === atom.path) return true;
  if (!isCode(atom.path) || !isCode(user.path)) {
    return (
      /^CONFIG_/.test(name) || (atom.file.kind !== 'modify' && dirname(atom.path) === dirname(user.path))
    );
  }
  if (!isSameBuild(atom.path, user.path)) return false;
  if (!atom.path.endsWith('.h')) {
    // The members of a structure of one source are nobody else's: `name` of struct amd_uncore.
    if (atom.members.has(name) || user.members.has(name)) return false;
    // A static of one file and a static of another may have the same name; what is declared in a header that changes too is one thing.
    return user.path.endsWith('.h') && !older.has(user.path, name)
      ? user.added.has(name)
      : user.path.endsWith('.h') && user.definitions.has(name);
  }
  const near = isNear(atom.path, user.path);
  // `dic->sbi` in fs/f2fs/compress.c, a member that f2fs.h adds: a common word, and here the member.
  if (older.count(name) > FEW) return isReached(atom, user, name) && knowsTag(atom, user, older, near);
  if (near) return true;
  // `coredump` of struct mt7915_dev, and of struct hci_dev: a plain word needs its structure, and so does `serial_no` of a private header.
  const isPrivate = !/(?:^|\/)include\//.test(atom.path);
  const isVague = /^[a-z]+$/.test(name) || (isPrivate && name.length < DISTINCT);
  if (atom.members.has(name) && isVague && !knowsTag(atom, user, older, true)) return false;
  if (atom.added.has(name)) return !older.has(user.path, name) || user.removed.has(name);
  return !atom.members.has(name) || older.count(name) <= FEW / 2;
}

function isReached(atom: Atom, user: Atom, name: string): boolean {
  return atom.added.has(name) && atom.members.has(name) && user.accesses.has(name);
}

/**
 * `frag->val` in arch/x86/kvm/x86.c, which knows struct kvm_mmio_fragment of include/linux/kvm_host.h; a structure that everybody knows
 * (struct device) says something only beside its header.
 */
function knowsTag({ tags }: Atom, user: Atom, older: OlderTexts, near: boolean): boolean {
  return [...tags].some((tag) =>
    near
      ? older.has(user.path, tag) || user.mentions.has(tag)
      : older.has(user.path, tag) && older.count(tag) <= FEW,
  );
}

function isCode(path: string): boolean {
  return /\.[chS]$/.test(path);
}

/** Name → atoms whose hunks hold it. */
function indexUsers(atoms: readonly Atom[]): ReadonlyMap<string, readonly number[]> {
  const users = new Map<string, number[]>();
  for (const [index, { balance, mentions }] of atoms.entries()) {
    for (const name of new Set([...balance.keys(), ...mentions])) {
      const list = users.get(name);
      if (list === undefined) users.set(name, [index]);
      else list.push(index);
    }
  }
  return users;
}
