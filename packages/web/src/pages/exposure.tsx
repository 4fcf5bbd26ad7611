// The public page: paste what `uname` says, and see which CVEs that kernel has and which of them need no reboot to fix.

import type { Exposure } from '@resplice/protocol/console';
import { useState } from 'preact/hooks';
import { queryOf } from '../api/client.js';
import { useQuery } from '../api/use-query.js';
import { setParams, useAddress } from '../router.js';
import { Empty, Loaded } from '../ui/loaded.js';
import { countText } from '../ui/meter.js';
import { Page, Section } from '../ui/page.js';
import { Table } from '../ui/table.js';
import { readUname } from './uname.js';

export function ExposurePage() {
  const { params } = useAddress();
  const [release, version] = [params.get('release') ?? '', params.get('version') ?? ''];
  const [text, setText] = useState([release, version].filter((each) => each !== '').join('\n'));
  const path =
    release === ''
      ? null
      : `/public/exposure${queryOf({ release, version: version === '' ? null : version })}`;
  const query = useQuery<Exposure>(path);
  const ask = (): void => {
    const found = readUname(text);
    setParams({
      release: found.release === '' ? null : found.release,
      version: found.version === '' ? null : found.version,
    });
  };
  return (
    <Page
      title="Is this kernel exposed?"
      lead="What this server knows about a stock kernel of the distribution."
    >
      <section class="panel" aria-label="Your kernel">
        <form
          class="panel-body ask"
          onSubmit={(event) => {
            event.preventDefault();
            ask();
          }}
        >
          <label for="uname">
            Paste what <code>uname -rv</code> says
          </label>
          <textarea
            id="uname"
            class="mono"
            rows={2}
            required
            spellcheck={false}
            placeholder="6.1.0-47-amd64 #1 SMP PREEMPT_DYNAMIC Debian 6.1.170-3 (2026-05-01)"
            value={text}
            onInput={(event) => setText(event.currentTarget.value)}
            onKeyDown={(event) => {
              if (event.key !== 'Enter' || event.shiftKey) return;
              event.preventDefault();
              ask();
            }}
          />
          <div class="form-end">
            <button type="submit" class="primary">
              Look it up
            </button>
          </div>
        </form>
      </section>
      {path !== null && <Loaded query={query}>{(exposure) => <Answer exposure={exposure} />}</Loaded>}
      <p class="hint">
        Nothing about you is kept. The answer is what updates and releases this server knows of.
      </p>
    </Page>
  );
}

function Answer({ exposure }: { readonly exposure: Exposure }) {
  const { known, release, version, live, reboot, latest } = exposure;
  const name = version === null ? release : `${release} (${version})`;
  if (!known)
    return (
      <section class="panel">
        <Empty title={`Nothing is known here about ${name}`}>
          That says nothing about its security. It may be a kernel that nobody here runs, or one that was
          built by somebody else.
        </Empty>
      </section>
    );
  return (
    <>
      <div
        class={reboot.length > 0 ? 'callout bad' : live.length > 0 ? 'callout warn' : 'callout info'}
        role="status"
      >
        <p>
          <strong>{name}</strong>, as installed: {countText(live.length + reboot.length)} known{' '}
          {live.length + reboot.length === 1 ? 'CVE' : 'CVEs'}. {countText(live.length)} can be fixed without
          a reboot, {countText(reboot.length)} by a newer kernel{latest !== null && ` (${latest})`} and a
          reboot.
        </p>
      </div>
      <Section title="Fixed without a reboot" note="an update is published">
        {live.length === 0 ? (
          <Empty title="None" />
        ) : (
          <Table
            caption="CVEs that are fixed without a reboot"
            rows={live}
            rowKey={({ cve }) => cve}
            columns={[
              { title: 'CVE', cell: ({ cve }) => <Cve cve={cve} /> },
              { title: 'Updates', cell: ({ updates }) => updates.join(', ') },
            ]}
          />
        )}
      </Section>
      <Section title="Fixed by a newer kernel" note="no update for the running one is published yet">
        {reboot.length === 0 ? (
          <Empty title="None" />
        ) : (
          <Table
            caption="CVEs that a newer kernel fixes"
            rows={reboot}
            rowKey={({ cve }) => cve}
            columns={[
              { title: 'CVE', cell: ({ cve }) => <Cve cve={cve} /> },
              { title: 'Fixed in', cell: ({ fixedIn }) => fixedIn },
            ]}
          />
        )}
      </Section>
    </>
  );
}

function Cve({ cve }: { readonly cve: string }) {
  return (
    <a class="cve" href={`https://www.cve.org/CVERecord?id=${cve}`} target="_blank" rel="noreferrer">
      {cve}
    </a>
  );
}
