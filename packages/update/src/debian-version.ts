// Debian's order of package versions. Source: Debian Policy 5.6.12.

/** Debian's order of versions (Policy 5.6.12): negative when `a` is older. Non-digits compare with `~` before the end before letters. */
export function compareVersions(a: string, b: string): number {
  const [epochA, restA] = splitEpoch(a);
  const [epochB, restB] = splitEpoch(b);
  if (epochA !== epochB) return epochA - epochB;
  const [upstreamA, revisionA] = splitRevision(restA);
  const [upstreamB, revisionB] = splitRevision(restB);
  return compareParts(upstreamA, upstreamB) || compareParts(revisionA, revisionB);
}

function splitEpoch(version: string): readonly [number, string] {
  const match = /^(\d+):(.*)$/.exec(version);
  return [Number(match?.[1] ?? 0), match?.[2] ?? version];
}

function splitRevision(version: string): readonly [string, string] {
  const dash = version.lastIndexOf('-');
  return dash < 0 ? [version, ''] : [version.slice(0, dash), version.slice(dash + 1)];
}

function compareParts(a: string, b: string): number {
  const partsA: string[] = a.match(/\D+|\d+/g) ?? [];
  const partsB: string[] = b.match(/\D+|\d+/g) ?? [];
  // Policy compares a non-digit part first: a leading number meets an empty one.
  if (/^\d/.test(a)) partsA.unshift('');
  if (/^\d/.test(b)) partsB.unshift('');
  for (let i = 0; i < Math.max(partsA.length, partsB.length); i++) {
    const [partA, partB] = [partsA[i] ?? '', partsB[i] ?? ''];
    const difference = i % 2 === 1 ? Number(partA) - Number(partB) : compareText(partA, partB);
    if (difference !== 0) return difference;
  }
  return 0;
}

function compareText(a: string, b: string): number {
  for (let i = 0; i < Math.max(a.length, b.length); i++) {
    const difference = rank(a[i]) - rank(b[i]);
    if (difference !== 0) return difference;
  }
  return 0;
}

function rank(letter: string | undefined): number {
  if (letter === '~') return -1;
  if (letter === undefined) return 0;
  return /[A-Za-z]/.test(letter) ? letter.charCodeAt(0) : letter.charCodeAt(0) + 256;
}
