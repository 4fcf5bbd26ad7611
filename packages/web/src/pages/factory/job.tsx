// One job with its log, which grows as one looks at it.

import type { JobList, JobLog } from '@resplice/protocol/factory';
import { useEffect, useRef, useState } from 'preact/hooks';
import { ApiError, ask, queryOf } from '../../api/client.js';
import { useQuery } from '../../api/use-query.js';
import { Loaded, Problem } from '../../ui/loaded.js';
import { Page, Section } from '../../ui/page.js';
import { ScrollRegion } from '../../ui/scroll-region.js';
import { JobTable } from './job-table.js';
import { KIND } from './words.js';

const UP = { href: '/jobs', title: 'Jobs' };
const POLL_MS = 1500;
/** So much of a log is kept in the page. */
const LONGEST = 400_000;

export function JobPage({ id }: { readonly id: string }) {
  const query = useQuery<JobList>('/factory/jobs?limit=500', ['jobs']);
  const job = query.data?.jobs.find((each) => each.id === id);
  return (
    <Page
      title={job === undefined ? 'Job' : `${KIND[job.kind]}: ${job.subject}`}
      up={UP}
      actions={
        job !== undefined && (
          <>
            {job.candidateId !== null && (
              <a class="button" href={`/candidates/${job.candidateId}`}>
                Its unit
              </a>
            )}
            {job.releaseId !== null && (
              <a class="button" href={`/releases/${job.releaseId}`}>
                Its release
              </a>
            )}
          </>
        )
      }
    >
      <section class="panel" aria-label="The job">
        <Loaded query={query}>{() => job !== undefined && <JobTable jobs={[job]} />}</Loaded>
      </section>
      <LiveLog id={id} />
    </Page>
  );
}

function LiveLog({ id }: { readonly id: string }) {
  const [text, setText] = useState('');
  const [ended, setEnded] = useState(false);
  const [error, setError] = useState<ApiError | undefined>(undefined);
  const box = useRef<HTMLElement>(null);
  const atEnd = useRef(true);
  useEffect(() => {
    let from = 0;
    let timer: number | undefined;
    const stop = new AbortController();
    const read = async (): Promise<void> => {
      try {
        const log = await ask<JobLog>(
          'GET',
          `/factory/jobs/${id}/log${queryOf({ from })}`,
          undefined,
          stop.signal,
        );
        from = log.next;
        setError(undefined);
        if (log.text !== '') setText((before) => (before + log.text).slice(-LONGEST));
        if (log.ended) {
          setEnded(true);
          return;
        }
        timer = window.setTimeout(() => void read(), log.text === '' ? POLL_MS : 50);
      } catch (problem) {
        if (stop.signal.aborted || !(problem instanceof ApiError)) return;
        setError(problem);
        if (problem.code !== 'not-found') timer = window.setTimeout(() => void read(), POLL_MS * 4);
      }
    };
    void read();
    return () => {
      stop.abort();
      window.clearTimeout(timer);
    };
  }, [id]);
  useEffect(() => {
    if (atEnd.current && box.current !== null && text !== '')
      box.current.scrollTop = box.current.scrollHeight;
  }, [text]);
  return (
    <Section title="Log" note={ended ? 'complete' : 'follows the job'}>
      <div class="panel-body">
        {error !== undefined && <Problem error={error} known={text !== ''} />}
        <ScrollRegion
          boxRef={box}
          kind="log tall"
          label="Log of the job"
          onScroll={({ scrollTop, clientHeight, scrollHeight }) => {
            atEnd.current = scrollTop + clientHeight > scrollHeight - 40;
          }}
        >
          {text === '' ? (ended ? 'Nothing was written.' : 'Nothing yet.') : text}
        </ScrollRegion>
      </div>
    </Section>
  );
}
