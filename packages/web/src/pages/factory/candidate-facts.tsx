import type { CandidateDetail, CandidateReason } from '@resplice/protocol/factory';
import { Since } from '../../ui/moment.js';
import { Section } from '../../ui/page.js';
import { Pill } from '../../ui/pill.js';
import { Table } from '../../ui/table.js';
import { CANDIDATE } from './words.js';

const VERDICTS: Readonly<Record<NonNullable<CandidateDetail['verdict']>, string>> = {
  automatic: 'an update was made without help',
  conditional: 'an update was made that applies only while a module is not loaded',
  'with-code': 'an update was made with code that a person wrote',
  'needs-code': 'it needs code that a person writes',
  refused: 'it cannot be patched safely',
  'not-built': 'not in this configuration',
  'no-code-changes': 'no code changes',
  'does-not-compile': 'it does not compile alone',
};

export function CandidateFacts({ candidate }: { readonly candidate: CandidateDetail }) {
  const { release, kernel, verdict, update, waitingFor, requiresUnloaded } = candidate;
  return (
    <Section title="About">
      <dl class="facts panel-body">
        <dt>State</dt>
        <dd>
          {CANDIDATE[candidate.state][0]}: {CANDIDATE[candidate.state][2]}, since{' '}
          <Since at={candidate.changedAt} />
        </dd>
        {waitingFor !== null && (
          <>
            <dt>Joined into</dt>
            <dd>{waitingFor}</dd>
          </>
        )}
        <dt>Release</dt>
        <dd>
          <a href={`/releases/${release.id}`}>{release.title}</a>
        </dd>
        <dt>Kernel</dt>
        <dd>
          {kernel.release} {kernel.version}{' '}
          {kernel.buildId !== null && <code class="muted">{kernel.buildId.slice(0, 16)}</code>}
        </dd>
        <dt>Verdict</dt>
        <dd>{verdict === null ? 'none yet' : VERDICTS[verdict]}</dd>
        {requiresUnloaded.length > 0 && (
          <>
            <dt>Only while</dt>
            <dd>{requiresUnloaded.join(', ')} not loaded</dd>
          </>
        )}
        {update !== null && (
          <>
            <dt>Update</dt>
            <dd>
              <a href={`/api/v1/artefacts/${update.artefact}`} download={`${update.id}.splice`}>
                {update.id}
              </a>
              , {Math.max(1, Math.round(update.length / 1024))} kB, {update.engine}{' '}
              <code class="sub">{update.sha256}</code>
            </dd>
          </>
        )}
        <dt>Approvals</dt>
        <dd>
          {candidate.approvals} of {candidate.approvalsNeeded}
        </dd>
        <dt>Priority</dt>
        <dd>{candidate.priority}</dd>
      </dl>
    </Section>
  );
}

export function Reasons({ reasons }: { readonly reasons: readonly CandidateReason[] }) {
  return (
    <Section
      title="Why it is no update by itself"
      note={`${reasons.length} ${reasons.length === 1 ? 'reason' : 'reasons'}`}
    >
      <Table
        caption="Reasons"
        rows={reasons}
        rowKey={({ code, subject, found }) => `${code} ${subject} ${found}`}
        columns={[
          { title: 'Reason', cell: ({ code }) => <code>{code}</code> },
          { title: 'Where', cell: ({ subject }) => subject },
          { title: 'Found', cell: ({ found }) => found },
        ]}
      />
    </Section>
  );
}

const SURE = { certain: 'good', likely: 'info', possible: 'warn' } as const;

export function Ties({ unit }: { readonly unit: CandidateDetail['unitDetail'] }) {
  const rows = [
    ...unit.cves.map((tie) => ({ ...tie, what: tie.cve })),
    ...unit.subjects.map((tie) => ({ ...tie, what: '' })),
  ];
  return (
    <Section
      title="What it fixes"
      note={
        unit.joined.length > 0 ? `${unit.joined.join(', ')} as one: they do not compile alone` : undefined
      }
    >
      {rows.length === 0 ? (
        <p class="panel-body muted">The changelog says nothing that could be tied to it.</p>
      ) : (
        <Table
          caption="What it fixes"
          rows={rows}
          rowKey={({ what, subject }) => `${what} ${subject}`}
          columns={[
            {
              title: 'Subject',
              cell: ({ subject, what }) => (
                <>
                  {what !== '' && <strong class="cve">{what} </strong>}
                  {subject}
                </>
              ),
            },
            {
              title: 'How sure',
              cell: ({ confidence }) => (
                <Pill tone={confidence in SURE ? SURE[confidence as keyof typeof SURE] : 'quiet'}>
                  {confidence}
                </Pill>
              ),
            },
            { title: 'Why', cell: ({ why }) => <span class="muted">{why}</span> },
          ]}
        />
      )}
    </Section>
  );
}
