import type { CandidateState, CveRow, StateCounts } from '@resplice/protocol/factory';
import { Meter } from '../../ui/meter.js';
import { Pill } from '../../ui/pill.js';
import { BOARD, CANDIDATE, SEVERITY } from './words.js';

export function StatePill({ state }: { readonly state: CandidateState }) {
  const [text, tone, means] = CANDIDATE[state];
  return (
    <Pill tone={tone} title={means}>
      {text}
    </Pill>
  );
}

export function SeverityPills({ severity, exploited }: Pick<CveRow, 'severity' | 'exploited'>) {
  return (
    <>
      {exploited && <Pill tone="bad">exploited</Pill>}
      {severity !== null && <Pill tone={SEVERITY[severity]}>{severity}</Pill>}
    </>
  );
}

export function CountsMeter({ label, counts }: { readonly label: string; readonly counts: StateCounts }) {
  const parts = BOARD.map((state) => ({
    name: CANDIDATE[state][0].toLowerCase(),
    count: counts[state] ?? 0,
    tone: CANDIDATE[state][1],
  }));
  const tones = ['good', 'info', 'warn', 'bad', 'quiet'] as const;
  return <Meter label={label} parts={tones.flatMap((tone) => parts.filter((part) => part.tone === tone))} />;
}
