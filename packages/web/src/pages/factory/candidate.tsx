// Unit review: everything that a decision about one unit on one kernel needs, on one page.

import type { CandidateDetail } from '@resplice/protocol/factory';
import type { ComponentChildren } from 'preact';
import { ask } from '../../api/client.js';
import { useQuery } from '../../api/use-query.js';
import { useSession } from '../../session.js';
import { DiffView } from '../../ui/diff-view.js';
import { Loaded } from '../../ui/loaded.js';
import { countText } from '../../ui/meter.js';
import { Page, Section } from '../../ui/page.js';
import { Tag } from '../../ui/pill.js';
import { Table } from '../../ui/table.js';
import { Decide } from './candidate-decide.js';
import { CandidateFacts, Reasons, Ties } from './candidate-facts.js';
import { History, Jobs, Reviews, Tests } from './candidate-record.js';
import { CodeEditor } from './code-editor.js';
import { FunctionView } from './function-view.js';
import { SeverityPills, StatePill } from './state-pill.js';

const UP = { href: '/review', title: 'Review' };

export function CandidatePage({ id }: { readonly id: string }) {
  const path = `/factory/candidates/${encodeURIComponent(id)}`;
  const query = useQuery<CandidateDetail>(path, ['candidates', 'jobs']);
  const { data } = query;
  return (
    <Page
      title={data?.unit ?? 'Unit'}
      up={UP}
      lead={
        data !== undefined && (
          <span class="row-of">
            <StatePill state={data.state} />
            <SeverityPills severity={data.severity} exploited={data.exploited} />
            {data.cves.map((cve) => (
              <Tag key={cve}>{cve}</Tag>
            ))}
            <span>
              on {data.kernel.release} {data.kernel.version}
            </span>
          </span>
        )
      }
      actions={data !== undefined && <Decide candidate={data} path={path} />}
    >
      <Loaded query={query}>{(candidate) => <Shown candidate={candidate} path={path} />}</Loaded>
    </Page>
  );
}

function Shown({ candidate, path }: { readonly candidate: CandidateDetail; readonly path: string }) {
  const { detail, unitDetail } = candidate;
  const parts: readonly (readonly [string, string, ComponentChildren])[] = [
    ['about', 'About', <CandidateFacts key="about" candidate={candidate} />],
    [
      'reasons',
      'Why not',
      candidate.reasons.length > 0 && <Reasons key="reasons" reasons={candidate.reasons} />,
    ],
    ['ties', 'What it fixes', <Ties key="ties" unit={unitDetail} />],
    [
      'diff',
      'Source',
      <Section
        key="diff"
        title="Source"
        note={`${candidate.files.length} ${candidate.files.length === 1 ? 'file' : 'files'}`}
      >
        <div class="panel-body">
          <DiffView text={unitDetail.diff} label="Source diff" />
        </div>
      </Section>,
    ],
    [
      'functions',
      `Functions ${detail?.functions.length ?? 0}`,
      detail !== null && <Functions key="functions" detail={detail} />,
    ],
    [
      'types',
      'Types',
      detail !== null && detail.types.length > 0 && <Types key="types" types={detail.types} />,
    ],
    ['sections', 'Sections', detail !== null && <Sections key="sections" detail={detail} />],
    ['code', 'Custom code', <Code key="code" candidate={candidate} path={path} />],
    ['tests', `Tests ${candidate.tests.length}`, <Tests key="tests" tests={candidate.tests} />],
    ['jobs', 'Work', <Jobs key="jobs" candidate={candidate.id} />],
    ['reviews', 'Decisions', <Reviews key="reviews" candidate={candidate} />],
    ['history', 'History', <History key="history" history={candidate.history} />],
  ];
  const shown = parts.filter(([, , content]) => content !== false);
  return (
    <>
      <nav class="jump" aria-label="Parts of this page">
        {shown.map(([id, title]) => (
          <a key={id} href={`#${id}`}>
            {title}
          </a>
        ))}
      </nav>
      {shown.map(([id, , content]) => (
        <div key={id} id={id} class="jump-target">
          {content}
        </div>
      ))}
    </>
  );
}

type Detail = NonNullable<CandidateDetail['detail']>;

function Functions({ detail }: { readonly detail: Detail }) {
  const { functions, added } = detail;
  return (
    <Section
      title="Functions"
      note={`${countText(functions.length)} replaced${added.length > 0 ? `, ${added.length} added` : ''}`}
    >
      <div class="panel-body diffs">
        {functions.length > 0 && (
          <p class="hint">
            Grey rows differ only in where something is; behind # stands what is called or read. A call that
            goes to another function than before counts as a difference.
          </p>
        )}
        {functions.map((each, index) => (
          <FunctionView key={`${each.object} ${each.name}`} reviewed={each} open={index === 0} />
        ))}
        {added.length > 0 && (
          <details>
            <summary>What only the new code has</summary>
            <ul class="plain-list">
              {added.map((each) => (
                <li key={each}>
                  <code>{each}</code>
                </li>
              ))}
            </ul>
          </details>
        )}
      </div>
    </Section>
  );
}

function Types({ types }: { readonly types: Detail['types'] }) {
  return (
    <Section title="Data structures" note="types that changed, and why that is safe or not">
      <Table
        caption="Types that changed"
        rows={types}
        rowKey={({ type, file }) => `${type} ${file}`}
        columns={[
          {
            title: 'Type',
            cell: ({ type, file }) => (
              <>
                <code>{type}</code>
                <span class="sub">{file}</span>
              </>
            ),
          },
          { title: 'Judged', cell: (note) => note.class },
          { title: 'Found', cell: ({ found }) => found },
          { title: 'Because', cell: ({ because }) => because },
        ]}
      />
    </Section>
  );
}

function Sections({ detail: { sections, statements } }: { readonly detail: Detail }) {
  if (sections.length === 0 && statements.length === 0) return null;
  return (
    <Section title="Sections of the module" note="special ones say what the kernel does with them">
      {sections.length > 0 && (
        <Table
          caption="Sections of the module"
          rows={sections}
          rowKey={({ name }) => name}
          columns={[
            { title: 'Section', cell: ({ name }) => <code>{name}</code> },
            { title: 'Bytes', numeric: true, cell: ({ bytes }) => countText(bytes) },
            { title: 'What it is', cell: ({ what }) => what },
          ]}
        />
      )}
      {statements.length > 0 && (
        <div class="panel-body">
          <p>The author of the custom code states:</p>
          <ul>
            {statements.map((each) => (
              <li key={each}>{each}</li>
            ))}
          </ul>
        </div>
      )}
    </Section>
  );
}

function Code({ candidate, path }: { readonly candidate: CandidateDetail; readonly path: string }) {
  const session = useSession();
  const may = (action: CandidateDetail['actions'][number]) =>
    session.can('review') && candidate.actions.includes(action);
  return (
    <>
      <Section title="Custom code" note="hooks and shadow variables, as a patch on top of the unit">
        <div class="panel-body">
          {candidate.state === 'needs-code' && (
            <p class="callout warn">
              This unit needs code that a person writes. What the reasons above ask for can be done with the
              hooks of the patch author's guide; the unit is made and tested again with it.
            </p>
          )}
          <CodeEditor
            label="Custom code"
            hint="A unified diff. Ctrl and Enter send it."
            keptAs={`code ${candidate.id}`}
            value={candidate.customCode}
            skeleton={candidate.detail?.skeleton ?? null}
            readOnly={!may('custom-code')}
            submit="Send and make it again"
            done="The unit is made again with this code"
            work={(patch) => ask('PUT', `${path}/custom-code`, { patch })}
          />
        </div>
      </Section>
      <Section title="Probe" note="shows the hole: exit status 0 says safe, 1 exposed">
        <div class="panel-body">
          <CodeEditor
            label="Probe"
            hint="A shell script for the guest, asked before, with and after the update. The same for all kernels of the unit."
            keptAs={`probe ${candidate.unit} ${candidate.releaseId}`}
            value={candidate.probe}
            readOnly={!may('probe')}
            submit="Send and test again"
            done="The unit is tested again with this probe"
            work={(script) => ask('PUT', `${path}/probe`, { script })}
          />
        </div>
      </Section>
    </>
  );
}
