// What happened to a candidate: tests with their logs, work on it, decisions, changes of state.

import type { CandidateDetail, CandidateTest, JobList } from '@resplice/protocol/factory';
import { useState } from 'preact/hooks';
import { queryOf } from '../../api/client.js';
import { useQuery } from '../../api/use-query.js';
import { Empty, Loaded } from '../../ui/loaded.js';
import { Since } from '../../ui/moment.js';
import { Section } from '../../ui/page.js';
import { Pill } from '../../ui/pill.js';
import { ScrollRegion } from '../../ui/scroll-region.js';
import { Table } from '../../ui/table.js';
import { JobTable } from './job-table.js';
import { StatePill } from './state-pill.js';

export function Tests({ tests }: { readonly tests: readonly CandidateTest[] }) {
  return (
    <Section
      title="Tests in a guest of its kernel"
      note="applied and undone together with what is published for it"
    >
      {tests.length === 0 ? (
        <Empty title="Not tested yet" />
      ) : (
        <div class="panel-body diffs">
          {tests.map((test) => (
            <OneTest key={test.id} test={test} />
          ))}
        </div>
      )}
    </Section>
  );
}

function OneTest({ test }: { readonly test: CandidateTest }) {
  const [open, setOpen] = useState(false);
  const log = useQuery<string>(open ? `/artefacts/${test.log}` : null);
  return (
    <details onToggle={(event) => setOpen(event.currentTarget.open)}>
      <summary>
        <Pill tone={test.ok ? 'good' : 'bad'}>{test.ok ? 'Passed' : 'Failed'}</Pill> <Since at={test.at} />{' '}
        <span class="muted">
          {test.with.length === 0 ? 'alone' : `with ${test.with.join(', ')}`}
          {test.probe.length > 0 && `; the probe said ${test.probe.join(', ')}`}
        </span>
        {test.problem !== null && <span class="sub">{test.problem}</span>}
      </summary>
      {open && (
        <Loaded query={log}>
          {(text) => (
            <ScrollRegion kind="log" label="Log of the guest">
              {text}
            </ScrollRegion>
          )}
        </Loaded>
      )}
    </details>
  );
}

export function Jobs({ candidate }: { readonly candidate: string }) {
  const query = useQuery<JobList>(`/factory/jobs${queryOf({ candidate, limit: 20 })}`, ['jobs']);
  return (
    <Section title="Work on it">
      <Loaded query={query}>
        {({ jobs }) => (jobs.length === 0 ? <Empty title="No work yet" /> : <JobTable jobs={jobs} />)}
      </Loaded>
    </Section>
  );
}

const DECISIONS = {
  approve: ['Approved', 'good'],
  'send-back': ['Sent back', 'warn'],
  refuse: ['Refused', 'bad'],
} as const;

export function Reviews({ candidate }: { readonly candidate: CandidateDetail }) {
  return (
    <Section title="Decisions" note={`${candidate.approvals} of ${candidate.approvalsNeeded} approvals`}>
      {candidate.reviews.length === 0 ? (
        <Empty title="Nobody has decided yet" />
      ) : (
        <Table
          caption="Decisions"
          rows={candidate.reviews}
          rowKey={({ id }) => String(id)}
          columns={[
            { title: 'Who', cell: ({ who }) => who },
            {
              title: 'Decision',
              cell: ({ decision, counts }) => (
                <span class="row-of">
                  <Pill tone={DECISIONS[decision][1]}>{DECISIONS[decision][0]}</Pill>
                  {decision === 'approve' && !counts && <span class="muted">of something older</span>}
                </span>
              ),
            },
            { title: 'Words', cell: ({ words }) => words ?? '–' },
            {
              title: 'Of',
              minor: true,
              cell: ({ sha256 }) => <code title={sha256}>{sha256.slice(0, 12)}</code>,
            },
            { title: 'When', cell: ({ at }) => <Since at={at} /> },
          ]}
        />
      )}
    </Section>
  );
}

export function History({ history }: { readonly history: CandidateDetail['history'] }) {
  return (
    <Section title="History">
      <Table
        caption="History"
        rows={history.map((each, index) => ({ ...each, key: String(index) }))}
        rowKey={({ key }) => key}
        columns={[
          { title: 'State', cell: ({ to }) => <StatePill state={to} /> },
          { title: 'By', cell: ({ who }) => who },
          { title: 'Why', cell: ({ why }) => why ?? '–' },
          { title: 'When', cell: ({ at }) => <Since at={at} /> },
        ]}
      />
    </Section>
  );
}
