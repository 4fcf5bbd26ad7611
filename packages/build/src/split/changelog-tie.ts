// Which CVE belongs to which unit. The distribution's changelog has the upstream subject and its CVE numbers, not the commit, so the
// tie is evidence: words of the subject against the definitions that a unit changes, and the subsystem prefix against its paths.
//   certain   a definition that the subject names is changed by this unit and no other, and the prefix fits its path
//   likely    one unit fits clearly better than all others
//   possible  several fit as well
// `tcp: restrict SO_ATTACH_FILTER to priv users`: only one unit under net/ has SO_ATTACH_FILTER in a changed line.

import type { ChangelogItem } from '../debian/changelog.js';
import type { Atom } from './atom.js';
import { blankComments, listIdentifiers } from './c-outline.js';

export type Confidence = 'certain' | 'likely' | 'possible';

export interface SubjectTie {
  readonly subject: string;
  readonly cves: readonly string[];
  readonly confidence: Confidence;
  /** The evidence in words. */
  readonly why: string;
}

interface Profile {
  /** Definitions changed. */
  readonly definitions: ReadonlySet<string>;
  /** Lower-case words of identifiers and strings in hunks, their context and headings. */
  readonly words: ReadonlySet<string>;
  /** Components of its paths and their pieces, in lower case with `-` for `_`. */
  readonly paths: ReadonlySet<string>;
  readonly files: number;
}

const POSSIBLE_AT_MOST = 3;
const ENOUGH = 4;
/** Of a part of a prefix, to say anything. */
const SHORTEST_PIECE = 4;
const COMMON = new Set(
  'a an and are as at avoid be by call check clear do fix for from get handle if in into is it its make missing more not of on only or out over potential possible properly remove return set the to up use used uses using when with without add allow before after error errors null free leak bug bounds issue read write'.split(
    ' ',
  ),
);

/** For each unit the subjects that are tied to it, and the subjects without a unit. */
export function tieSubjects(
  units: readonly (readonly Atom[])[],
  items: readonly ChangelogItem[],
): { readonly ties: readonly (readonly SubjectTie[])[]; readonly untied: readonly ChangelogItem[] } {
  const profiles = units.map(profileUnit);
  const rarity = weighWords(profiles);
  const ties: SubjectTie[][] = units.map(() => []);
  const untied: ChangelogItem[] = [];
  for (const item of items) {
    const found = findUnits(item.subject, profiles, rarity);
    if (found.length === 0) untied.push(item);
    for (const { unit, confidence, why } of found) {
      ties[unit]?.push({ subject: item.subject, cves: item.cves, confidence, why });
    }
  }
  return { ties, untied };
}

interface FoundUnit {
  readonly unit: number;
  readonly confidence: Confidence;
  readonly why: string;
}

function findUnits(
  subject: string,
  profiles: readonly Profile[],
  rarity: ReadonlyMap<string, number>,
): readonly FoundUnit[] {
  const { prefix, title } = splitSubject(subject);
  const fitOf = prefixFits(prefix);
  const named = listIdentifiers(title).filter(
    (word) => /_|\d|[a-z][A-Z]/.test(word) || title.includes(`${word}(`),
  );
  const words = [...new Set(title.toLowerCase().match(/[a-z][a-z0-9]{2,}/g) ?? [])].filter(
    (word) => !COMMON.has(word),
  );
  const scored = profiles.flatMap((profile, unit) => {
    const fit = fitOf(profile);
    if (fit === 0) return [];
    const hits = named.filter((name) => profile.definitions.has(name));
    const mentioned = named.filter((name) => !hits.includes(name) && profile.words.has(name.toLowerCase()));
    const common = words.filter((word) => profile.words.has(word));
    // A unit of many files has many words by chance.
    const weight = common.reduce((sum, word) => sum + (rarity.get(word) ?? 0), 0) / profile.files ** 0.25;
    const score = fit * 3 + hits.length * 6 + mentioned.length * 4 + weight;
    const why = [
      `path fits "${prefix.join(': ')}"`,
      ...(hits.length === 0 ? [] : [`changes ${hits.join(', ')}`]),
      ...(mentioned.length === 0 ? [] : [`mentions ${mentioned.join(', ')}`]),
      ...(common.length === 0 ? [] : [`words: ${common.join(', ')}`]),
    ].join('; ');
    return [{ unit, score, why, hits, evidence: hits.length + mentioned.length + weight, fit }];
  });
  scored.sort((a, b) => b.score - a.score || a.unit - b.unit);
  const [best, second] = scored;
  if (best === undefined || (best.evidence < 1 && best.fit < 1)) return [];
  const rivals = scored.filter(({ hits }) => hits.length > 0);
  if (best.hits.length > 0 && rivals.length === 1 && best.fit >= 1)
    return [{ ...best, confidence: 'certain' }];
  const lead = best.score - (second?.score ?? 0);
  if (
    second === undefined
      ? best.evidence >= 1 || best.fit >= 1
      : lead >= ENOUGH || (lead >= 2 && best.hits.length > 0)
  )
    return [{ ...best, confidence: 'likely' }];
  const equal = scored.filter(({ score }) => best.score - score < 1).slice(0, POSSIBLE_AT_MOST);
  return equal.map((each) => ({ ...each, confidence: 'possible' }));
}

/** `[x86] net: sched: act_csum: validate nested VLAN headers` → prefix net, sched, act_csum. */
function splitSubject(subject: string): { readonly prefix: readonly string[]; readonly title: string } {
  const clean = subject.replace(/^\[[^\]]*\]\s*/, '').replace(/^Revert "/, '');
  const parts = clean.split(/:\s+/);
  const title = parts.pop() ?? '';
  // `ipmi:ssif: Clean up kthread on errors`
  return { prefix: parts.flatMap((part) => part.split(':')), title };
}

/** Words of prefixes that stand for another directory than their name. */
const DIRECTORIES: Readonly<Record<string, readonly string[]>> = {
  wifi: ['wireless', 'mac80211', 'net'],
  alsa: ['sound'],
  asoc: ['sound'],
  tcp: ['ipv4', 'net'],
  udp: ['ipv4', 'ipv6', 'net'],
  ip: ['ipv4', 'net'],
  smb: ['smb', 'ksmbd', 'cifs'],
  ksmbd: ['server'],
  libceph: ['ceph'],
  fanotify: ['notify'],
  dm: ['md'],
  ufs: ['ufs'],
  mm: ['mm'],
  spi: ['spi'],
  usb: ['usb'],
  bluetooth: ['bluetooth'],
  netfilter: ['netfilter'],
  kvm: ['kvm'],
  vfs: ['fs'],
  epoll: ['eventpoll'],
  ib: ['infiniband'],
  rdma: ['infiniband'],
  drm: ['gpu'],
  amdgpu: ['amdgpu', 'amd'],
  hv: ['hv', 'hyperv'],
  sctp: ['sctp'],
  x86: ['x86'],
  perf: ['perf', 'events'],
  crypto: ['crypto'],
  'af-packet': ['packet'],
  nvmet: ['target'],
  xsk: ['xdp'],
  xfrm: ['xfrm', 'ah4', 'ah6', 'esp4', 'esp6'],
  vsock: ['vmw-vsock'],
  futex: ['futex'],
};

/** 0 does not fit, 1 fits, up to 2 fits in every part. */
function prefixFits(prefix: readonly string[]): (profile: Profile) => number {
  const parts = prefix
    .flatMap((part) =>
      part
        .toLowerCase()
        .replaceAll('_', '-')
        .split(/[\s/,]+/),
    )
    .filter((part) => part !== '');
  return ({ paths }) => {
    if (parts.length === 0) return 0.5;
    const fits = parts.map((part) => partFits(part, paths));
    const sum = fits.reduce((total, fit) => total + fit, 0);
    return sum === 0 ? 0 : sum / parts.length + (fits.at(-1) ?? 0);
  };
}

function partFits(part: string, paths: ReadonlySet<string>): number {
  if ([part, ...(DIRECTORIES[part] ?? [])].some((word) => paths.has(word))) return 1;
  // `dm-thin` of dm-thin-metadata.c, `ah` of ah4.c
  const inside = (path: string) => path.startsWith(part) && /^(?:-|\d+$)/.test(path.slice(part.length));
  if ([...paths].some((path) => inside(path) || path.includes(`-${part}-`) || path.endsWith(`-${part}`)))
    return 0.9;
  // `bnxt_en` of bnxt/, `hv_netvsc` of netvsc.c, `nvmet-tcp` of target/tcp.c
  const pieces = part.split('-');
  const isPiece = pieces.some((piece) => piece.length >= SHORTEST_PIECE && paths.has(piece));
  return isPiece || DIRECTORIES[pieces[0] ?? '']?.some((word) => paths.has(word)) === true ? 0.7 : 0;
}

function profileUnit(atoms: readonly Atom[]): Profile {
  const definitions = new Set(atoms.flatMap((atom) => [...atom.definitions, ...atom.members]));
  const words = new Set<string>();
  for (const { hunks } of atoms) {
    for (const { section, lines } of hunks) {
      const changed = lines.map(({ text }) => text).join('');
      for (const name of [
        ...listIdentifiers(section),
        ...listIdentifiers(changed),
        ...listIdentifiers(blankComments(changed)),
      ]) {
        const lower = name.toLowerCase();
        words.add(lower);
        for (const part of lower.split('_')) if (part.length > 2) words.add(part);
      }
    }
  }
  const paths = new Set<string>();
  for (const { path } of atoms) {
    const lower = path
      .toLowerCase()
      .replace(/\.\w+$/, '')
      .replaceAll('_', '-');
    for (const part of lower.split('/')) {
      paths.add(part);
      for (const piece of part.split('-')) paths.add(piece);
    }
  }
  return { definitions, words, paths, files: new Set(atoms.map(({ path }) => path)).size };
}

/** A word of one unit only weighs 3, one of a tenth of them nearly nothing. */
function weighWords(profiles: readonly Profile[]): ReadonlyMap<string, number> {
  const counts = new Map<string, number>();
  for (const { words } of profiles) for (const word of words) counts.set(word, (counts.get(word) ?? 0) + 1);
  const total = Math.max(2, profiles.length);
  return new Map([...counts].map(([word, count]) => [word, (3 * Math.log(total / count)) / Math.log(total)]));
}
