// An evaluation as one HTML page that needs nothing else: it can be mailed, archived, and opened without a network.

import type { Evaluation, EvaluationSummary, UnitResult } from '@resplice/build';
import { type BarRow, renderBars } from './bar-chart.js';
import { PAGE_SCRIPT, PAGE_STYLE } from './evaluation-page-frame.js';
import { escapeMarkup } from './markup.js';
import { count, formatDuration } from './printed-text.js';

/** Subsystems of their own row; the small ones share the last one. */
const MOST_SUBSYSTEMS = 30;

/** CSS class → what it says, in the order of a stacked bar. */
const KINDS = new Map([
  ['automatic', 'automatic'],
  ['while-unloaded', 'automatic while a module is not loaded'],
  ['no-code', 'nothing that runs changes'],
  ['with-hook', 'with hook'],
  ['refused', 'refused'],
  ['not-built', 'not built'],
]);

export function renderPage(evaluation: Evaluation): string {
  const { from, to, units, summary } = evaluation;
  const title = escapeMarkup(`Resplice: ${from} to ${to}`);
  return [
    '<!DOCTYPE html>',
    '<html lang="en">',
    '<head>',
    '<meta charset="utf-8">',
    '<meta name="viewport" content="width=device-width, initial-scale=1">',
    `<title>${title}</title>`,
    `<style>${PAGE_STYLE}</style>`,
    '</head>',
    '<body>',
    '<main>',
    renderHead(evaluation),
    renderSums(summary),
    renderSubsystems(units),
    renderRefusals(summary),
    renderCves(summary),
    renderTime(summary),
    renderUnits(units),
    '</main>',
    `<script>${PAGE_SCRIPT}</script>`,
    '</body>',
    '</html>',
    '',
  ].join('\n');
}

function renderHead({ from, to, kernel, sample, summary }: Evaluation): string {
  const drawn = sample === null ? '' : `; a sample of ${sample.size} units with seed ${sample.seed}`;
  const headline =
    summary.built === 0
      ? 'This configuration builds none of the units'
      : `<strong>${summary.percentAutomatic.toFixed(1)} %</strong> of ${count(summary.built, 'built unit')} need no human code${renderConditional(summary)}`;
  return [
    `<h1>${escapeMarkup(`${from} to ${to}`)}</h1>`,
    `<p class="soft">${escapeMarkup(`On ${kernel.release}, version ${kernel.version}${drawn}`)}</p>`,
    `<p class="lead">${headline}</p>`,
  ].join('\n');
}

function renderConditional({ whileUnloaded, percentWhileUnloaded }: EvaluationSummary): string {
  return whileUnloaded === 0
    ? ''
    : `; <strong>${percentWhileUnloaded.toFixed(1)} %</strong> with those that apply only while a module is not loaded`;
}

function renderSums(summary: EvaluationSummary): string {
  const rows: readonly (readonly [string, number])[] = [
    ['Units', summary.units],
    ['Joined, because parts did not compile alone', summary.joined],
    ['Built in this configuration', summary.built],
    ['Automatic', summary.automatic],
    ['Automatic while a module is not loaded', summary.whileUnloaded],
    ['Nothing that runs changes', summary.withoutCode],
    ['With hook', summary.withHook],
    ['Refused', summary.refused],
    ['Tried in guests', summary.tried],
    ['Applied and undone in guests', summary.applied],
  ];
  const cells = rows.map(
    ([name, value]) => `<tr><th scope="row">${name}</th><td class="number">${value}</td></tr>`,
  );
  return `<h2>Counts</h2>
<table><caption>Units of the release by what became of them</caption>
<thead><tr><th scope="col">What</th><th scope="col">Units</th></tr></thead>
<tbody>${cells.join('\n')}</tbody></table>`;
}

function renderSubsystems(units: readonly UnitResult[]): string {
  const groups = new Map<string, UnitResult[]>();
  for (const unit of units) {
    const name = subsystemOf(unit);
    groups.set(name, [...(groups.get(name) ?? []), unit]);
  }
  const sorted = [...groups].sort(
    ([a, some], [b, others]) => others.length - some.length || (a < b ? -1 : 1),
  );
  const [shown, rest] = [sorted.slice(0, MOST_SUBSYSTEMS), sorted.slice(MOST_SUBSYSTEMS)];
  const rows = shown.map(([name, some]) => stackVerdicts(name, some));
  if (rest.length > 0)
    rows.push(
      stackVerdicts(
        count(rest.length, 'other'),
        rest.flatMap(([, some]) => some),
      ),
    );
  const legend = [...KINDS].map(([kind, name]) => `<li><span class="${kind}"></span>${name}</li>`);
  const title = 'Verdicts by subsystem';
  const description = 'One bar for each directory, as long as it has units, divided by verdict.';
  return `<h2>${title}</h2>
<ul class="legend">${legend.join('')}</ul>
${renderBars({ id: 'subsystems', title, description, rows })}`;
}

function stackVerdicts(label: string, units: readonly UnitResult[]): BarRow {
  const parts = [...KINDS.keys()].map((kind) => ({
    kind,
    value: units.filter((unit) => kindOf(unit) === kind).length,
  }));
  const countOf = (wanted: string) => parts.find(({ kind }) => kind === wanted)?.value ?? 0;
  // Text in SVG does not wrap: no longer than fits on a phone.
  const note = `${countOf('automatic')} automatic, ${countOf('refused')} refused of ${units.length}`;
  return { label, note, parts };
}

/** `net/ipv4` of `net/ipv4/raw.c`, `kernel` of `kernel/fork.c`. */
function subsystemOf({ files }: UnitResult): string {
  return (files[0] ?? '').split('/').slice(0, -1).slice(0, 2).join('/') || 'top';
}

function kindOf({ built, changesCode, verdict, requiresUnloaded }: UnitResult): string {
  if (!built) return 'not-built';
  if (changesCode && verdict === 'automatic' && requiresUnloaded.length > 0) return 'while-unloaded';
  return changesCode ? verdict : 'no-code';
}

function renderRefusals({ refusedBy, refused }: EvaluationSummary): string {
  const title = 'Refusals by reason';
  if (refusedBy.length === 0) return `<h2>${title}</h2>\n<p>No unit was refused.</p>`;
  const description = `${count(refused, 'refused unit')} by the code of the first reason.`;
  const rows = refusedBy.map(({ code, units }) => oneBar(code, `${units}`, 'refused', units));
  return `<h2>${title}</h2>\n${renderBars({ id: 'refusals', title, description, rows })}`;
}

function renderCves({ cves }: EvaluationSummary): string {
  const title = 'CVE numbers';
  const description =
    'CVE numbers tied to units: without human code, of built units, of all units; and those tied to no unit.';
  const rows = [
    oneBar('Without human code', `${cves.automatic}`, 'automatic', cves.automatic),
    oneBar('With a module not loaded', `${cves.whileUnloaded}`, 'while-unloaded', cves.whileUnloaded),
    oneBar('Of built units', `${cves.built}`, 'no-code', cves.built),
    oneBar('Of all units', `${cves.all}`, 'no-code', cves.all),
    oneBar('Tied to no unit', `${cves.untied}`, 'not-built', cves.untied),
  ];
  return `<h2>${title}</h2>\n${renderBars({ id: 'cves', title, description, rows })}`;
}

function renderTime({ milliseconds, toolMilliseconds, applied, tried }: EvaluationSummary): string {
  const own = Math.max(0, milliseconds - toolMilliseconds);
  const title = 'Time and trials';
  const description = 'Time in compilers and other tools, and time in Resplice itself.';
  const rows = [
    oneBar('Compilers and other tools', formatDuration(toolMilliseconds), 'not-built', toolMilliseconds),
    oneBar('Resplice itself', formatDuration(own), 'no-code', own),
  ];
  const trials =
    tried === 0
      ? 'No update was tried in a guest.'
      : `${applied} of ${count(tried, 'update')} tried in guests applied and undid with a clean kernel log.`;
  return `<h2>${title}</h2>\n${renderBars({ id: 'time', title, description, rows })}\n<p>${trials}</p>`;
}

function oneBar(label: string, note: string, kind: string, value: number): BarRow {
  return { label, note, parts: [{ kind, value }] };
}

function renderUnits(units: readonly UnitResult[]): string {
  const options = [...KINDS].map(([kind, name]) => `<option value="${kind}">${name}</option>`);
  return `<h2>Units</h2>
<form id="filter" class="filter" hidden>
<label>Text<br><input name="text" type="search"></label>
<label>Verdict<br><select name="verdict"><option value="">all</option>${options.join('')}</select></label>
<output id="shown"></output>
</form>
<table id="units"><caption>All units with their verdicts and reasons</caption>
<thead><tr>${['Unit', 'Files', 'CVE', 'Verdict', 'Reasons'].map((name) => `<th scope="col">${name}</th>`).join('')}</tr></thead>
<tbody>
${units.map(renderUnit).join('\n')}
</tbody></table>`;
}

function renderUnit(unit: UnitResult): string {
  const kind = kindOf(unit);
  const reasons = unit.reasons.map(({ code, subject, found }) => {
    const place = subject === '' ? '' : `${subject}: `;
    return `<li><code>${escapeMarkup(code)}</code> ${escapeMarkup(`${place}${found}`)}</li>`;
  });
  if (unit.joined.length > 0)
    reasons.push(`<li>Joined from ${unit.joined.map(escapeMarkup).join(', ')}</li>`);
  if (unit.applied === false)
    reasons.push(`<li>In the guest: ${escapeMarkup(unit.applyProblem ?? 'not applied')}</li>`);
  const trial = unit.applied === true ? ', applied' : '';
  return [
    `<tr data-verdict="${kind}"><th scope="row">${escapeMarkup(unit.id)}</th>`,
    `<td>${unit.files.map(escapeMarkup).join('<br>')}</td>`,
    `<td>${unit.cves.map(escapeMarkup).join('<br>')}</td>`,
    `<td class="verdict ${kind}">${KINDS.get(kind)}${trial}</td>`,
    `<td>${reasons.length === 0 ? '' : `<ul>${reasons.join('')}</ul>`}</td></tr>`,
  ].join('');
}
