// One form for every refusal: what is wrong and where, what was found, what to do, and the evidence below.

import { formatSubject, REASONS, type Reason } from '@resplice/report';
import { count } from './printed-text.js';

export function renderReasons(reasons: readonly Reason[]): readonly string[] {
  const several = reasons.length > 1;
  const blocks = reasons.map((reason, index) => renderReason(reason, several ? `${index + 1}. ` : ''));
  return [`refused, for ${count(reasons.length, 'reason')}:`, ...blocks.flatMap((block) => ['', ...block])];
}

function renderReason(reason: Reason, mark: string): readonly string[] {
  const entry = REASONS[reason.code];
  const subject = formatSubject(reason.subject);
  const indent = ' '.repeat(mark.length);
  return [
    `${mark}${subject === '' ? '' : `${subject}: `}${entry.title} [${reason.code}]`,
    `${indent}found: ${reason.found}`,
    `${indent}to do: ${reason.advice ?? entry.advice}`,
    ...(reason.evidence ?? []).flatMap((text) => text.split('\n')).map((line) => `${indent}  | ${line}`),
  ];
}
