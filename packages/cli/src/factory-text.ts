// What the commands of the factory print for people.

import type { CandidateDetail, CandidateRow, CveRow, Release, StateCounts } from '@resplice/protocol/factory';
import { alignColumns, count, formatDuration } from './printed-text.js';

export function renderCounts(counts: StateCounts): string {
  const parts = Object.entries(counts).map(([state, number]) => `${number} ${state}`);
  return parts.length === 0 ? 'nothing yet' : parts.join(', ');
}

export function renderReleases(releases: readonly Release[]): readonly string[] {
  if (releases.length === 0)
    return ['no release was noticed yet; begin with "resplice factory watch --add" or "add"'];
  return releases.flatMap(({ id, title, state, problem, units, cves, kernels, ...when }) => [
    `${title}: ${state}, ${count(units, 'unit')}, ${count(cves, 'CVE')}  (${id})`,
    ...(problem === null ? [] : [`  ${problem}`]),
    `  ${renderWay(when)}`,
    ...kernels.map((kernel) => `  ${kernel.release} (${kernel.version}): ${renderCounts(kernel.counts)}`),
  ]);
}

/** How long it took from the offer, or from when it became known here, to people. */
function renderWay({
  offeredAt,
  noticedAt,
  secondsToReview,
}: Pick<Release, 'offeredAt' | 'noticedAt' | 'secondsToReview'>): string {
  const begin = offeredAt === null ? `noticed at ${noticedAt}` : `offered by apt since ${offeredAt}`;
  return secondsToReview === null
    ? begin
    : `${begin}, ready for review ${formatDuration(secondsToReview * 1000)} later`;
}

export function renderCves(rows: readonly CveRow[]): readonly string[] {
  if (rows.length === 0) return [];
  const lines = rows.map(({ cve, severity, exploited, subject, candidates }) => [
    cve,
    exploited ? 'exploited' : (severity ?? ''),
    [
      ...new Set(candidates.map(({ state, reason }) => (reason === null ? state : `${state} (${reason})`))),
    ].join(', '),
    subject,
  ]);
  return ['', ...alignColumns([['CVE', 'SEVERITY', 'STATE', 'SUBJECT'], ...lines])];
}

export function renderRows(candidates: readonly CandidateRow[]): readonly string[] {
  const rows = candidates.map(({ unit, kernel, state, verdict, reason, cves, priority }) => [
    unit,
    kernel.release,
    state,
    reason ?? verdict ?? '',
    `${priority}`,
    cves.join(' '),
  ]);
  return alignColumns([['UNIT', 'KERNEL', 'STATE', 'WHY', 'PRIORITY', 'FIXES'], ...rows]);
}

export function renderCandidate(candidate: CandidateDetail, withCode: boolean): readonly string[] {
  const { unit, kernel, state, verdict, unitDetail, reasons, detail, update, tests, reviews, history } =
    candidate;
  return [
    `${unit} on ${kernel.release} (${kernel.version}): ${state}${verdict === null ? '' : `, ${verdict}`}`,
    ...unitDetail.subjects.map(({ subject, confidence }) => `  ${subject} (${confidence})`),
    ...unitDetail.cves.map(({ cve, confidence }) => `  ${cve} (${confidence})`),
    ...(update === null ? [] : [`update ${update.id}, ${update.length} bytes, sha256 ${update.sha256}`]),
    ...reasons.map(({ code, subject, found }) => `  ${code}: ${subject}: ${found.split('\n')[0]}`),
    ...(detail?.functions ?? []).map((each) => `  replaces ${each.name} of ${each.object}: ${each.why}`),
    ...(withCode ? renderCode(candidate) : []),
    ...(detail?.added ?? []).map((line) => `  adds ${line}`),
    ...(detail?.types ?? []).map(({ type, found, because }) => `  ${type}: ${found}: ${because}`),
    ...(detail?.sections ?? []).map(({ name, bytes, what }) => `  ${name}, ${bytes} bytes: ${what}`),
    ...(detail?.statements ?? []).map((line) => `  ${line}`),
    ...(detail?.skeleton == null
      ? []
      : ['the start of the code it needs: "resplice factory code --skeleton"']),
    ...tests.map(({ at, ok, problem }) => `tested at ${at}: ${ok ? 'clean' : problem}`),
    ...reviews.map(({ at, who, decision, words, counts }) => {
      const old = decision === 'approve' && !counts ? ', of something that has changed since' : '';
      return `${decision} by ${who} at ${at}${old}${words === null ? '' : `: ${words}`}`;
    }),
    ...history.map(
      ({ at, from, to, who, why }) =>
        `${at} ${from ?? ''} → ${to} by ${who}${why === null ? '' : `: ${why.split('\n')[0]}`}`,
    ),
    ...(candidate.reviewSha256 === null
      ? []
      : [
          `to approve what is shown here: resplice factory approve ${candidate.id} --sha256 ${candidate.reviewSha256}`,
        ]),
  ];
}

function renderCode({ detail, unitDetail }: CandidateDetail): readonly string[] {
  const side = (lines: readonly { offset: number; text: string }[], first: number | undefined) =>
    lines.map(({ offset, text }) => `${offset === first ? '>' : ' '} +0x${offset.toString(16)}: ${text}`);
  const code = (detail?.functions ?? []).flatMap(({ name, before, after, firstDifference }) => [
    `${name} before:`,
    ...side(before, firstDifference?.before),
    `${name} after:`,
    ...side(after, firstDifference?.after),
  ]);
  return [...unitDetail.diff.split('\n'), ...code];
}
