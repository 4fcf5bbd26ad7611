import type { FactoryJob } from '@resplice/protocol/factory';
import { durationText, Since } from '../../ui/moment.js';
import { Pill } from '../../ui/pill.js';
import { Table } from '../../ui/table.js';
import { durationOf, JOB, KIND } from './words.js';

export function JobTable({ jobs }: { readonly jobs: readonly FactoryJob[] }) {
  return (
    <Table
      caption="Jobs"
      rows={jobs}
      rowKey={({ id }) => id}
      columns={[
        {
          title: 'Job',
          cell: ({ id, kind, subject, kernel }) => (
            <>
              <a href={`/jobs/${id}`}>
                {KIND[kind]}: {subject}
              </a>
              {kernel !== null && kernel !== subject && <span class="sub">{kernel}</span>}
            </>
          ),
        },
        {
          title: 'State',
          cell: (job) => (
            <>
              <Pill tone={JOB[job.state][1]}>{JOB[job.state][0]}</Pill>
              {job.state === 'running' && job.progress !== null && (
                <span class="sub">{progressText(job.progress)}</span>
              )}
              {job.problem !== null && <span class="sub">{job.problem}</span>}
            </>
          ),
        },
        { title: 'Worker', cell: ({ worker }) => worker ?? '–' },
        {
          title: 'Attempt',
          numeric: true,
          minor: true,
          cell: ({ attempt, attempts }) => `${attempt} of ${attempts}`,
        },
        { title: 'Priority', numeric: true, minor: true, cell: ({ priority }) => priority },
        {
          title: 'Took',
          numeric: true,
          cell: ({ startedAt, endedAt, cpuMilliseconds }) => {
            const seconds = durationOf(startedAt, endedAt);
            return (
              <>
                {seconds === undefined ? '–' : durationText(seconds)}
                {cpuMilliseconds !== null && (
                  <span class="sub">{durationText(cpuMilliseconds / 1000)} CPU</span>
                )}
              </>
            );
          },
        },
        { title: 'Made', cell: ({ madeAt }) => <Since at={madeAt} /> },
      ]}
    />
  );
}

export function progressText({ stage, percent }: NonNullable<FactoryJob['progress']>): string {
  return percent === null ? stage : `${stage}, ${percent} %`;
}
