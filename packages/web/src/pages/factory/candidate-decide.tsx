// What may be decided now: as the state of the candidate allows and the role. An approval names the hash of what was on the page.

import type { CandidateDetail } from '@resplice/protocol/factory';
import { useState } from 'preact/hooks';
import { ask } from '../../api/client.js';
import { useAction } from '../../api/use-action.js';
import { useShortcut } from '../../keyboard.js';
import { useSession } from '../../session.js';
import { ActionButton, Dialog } from '../../ui/dialog.js';
import { Field, Form } from '../../ui/form.js';

export interface DecideProps {
  readonly candidate: CandidateDetail;
  readonly path: string;
}

type Wish = 'approve' | 'send-back' | 'refuse' | 'withdraw';

const WISHES: Readonly<
  Record<Wish, { title: string; key: string; tone: string; text: string; done: string; submit: string }>
> = {
  approve: {
    title: 'Approve',
    key: 'A',
    tone: 'primary',
    text: 'It goes into the next cumulative update once as many people as it takes have approved it.',
    done: 'Approved',
    submit: 'Approve',
  },
  'send-back': {
    title: 'Send back',
    key: 'B',
    tone: '',
    text: 'It needs code or another look. Say what is missing: whoever takes it up reads this.',
    done: 'Sent back',
    submit: 'Send back',
  },
  refuse: {
    title: 'Refuse',
    key: 'R',
    tone: 'danger',
    text: 'It is not going to be an update. Say why: the table of CVEs shows it.',
    done: 'Refused',
    submit: 'Refuse',
  },
  withdraw: {
    title: 'Withdraw',
    key: 'W',
    tone: 'danger',
    text: 'The next cumulative update is without it. Say why.',
    done: 'Withdrawn',
    submit: 'Withdraw',
  },
};

export function Decide({ candidate, path }: DecideProps) {
  const session = useSession();
  const { actions } = candidate;
  const wishes = (Object.keys(WISHES) as Wish[]).filter(
    (wish) => session.can('review') && actions.includes(wish),
  );
  return (
    <>
      {session.can('factory') && actions.includes('retry') && (
        <ActionButton
          label="Make again"
          done="It is made again"
          work={() => ask('POST', `${path}/retry`, {})}
        />
      )}
      {session.can('factory') && actions.includes('cancel') && (
        <ActionButton
          label="Cancel"
          question={{ title: 'Stop the work on it?', text: <p>It can be made again later.</p>, yes: 'Stop' }}
          done="The work on it is stopped"
          work={() => ask('POST', `${path}/cancel`, {})}
        />
      )}
      {[...wishes].reverse().map((wish) => (
        <WishButton key={wish} wish={wish} candidate={candidate} path={path} />
      ))}
    </>
  );
}

function WishButton({ wish, candidate, path }: DecideProps & { readonly wish: Wish }) {
  const { title, key, tone, text, done, submit } = WISHES[wish];
  const [open, setOpen] = useState(false);
  const [words, setWords] = useState('');
  const action = useAction();
  useShortcut(key, `${title.toLowerCase()} this unit`, () => setOpen(true));
  const close = (): void => {
    setOpen(false);
    action.forget();
  };
  const decide = async (): Promise<void> => {
    const said = words.trim() === '' ? {} : { words: words.trim() };
    const body = wish === 'approve' ? { sha256: candidate.reviewSha256, ...said } : said;
    if (
      await action.run(() => ask('POST', `${path}/${wish}`, body), `${candidate.unit}: ${done.toLowerCase()}`)
    )
      close();
  };
  return (
    <>
      <button type="button" class={tone || undefined} onClick={() => setOpen(true)}>
        {title}
      </button>
      {open && (
        <Dialog title={`${title} ${candidate.unit}`} onClose={close}>
          <Form action={action} submit={submit} danger={tone === 'danger'} onSubmit={() => void decide()}>
            <p>{text}</p>
            {wish === 'approve' && (
              <p class="muted">
                {candidate.approvals} of {candidate.approvalsNeeded} so far. You approve{' '}
                <code title={candidate.reviewSha256 ?? undefined}>
                  {candidate.reviewSha256?.slice(0, 16)}
                </code>
                : exactly what is on this page.
              </p>
            )}
            <Field label={wish === 'approve' ? 'Words (not needed)' : 'Words'}>
              {(id) => (
                <textarea
                  id={id}
                  rows={4}
                  maxLength={4000}
                  required={wish !== 'approve'}
                  value={words}
                  onInput={(event) => setWords(event.currentTarget.value)}
                />
              )}
            </Field>
          </Form>
        </Dialog>
      )}
    </>
  );
}
