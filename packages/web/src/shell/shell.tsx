// Navigation, who is logged in, and the page.

import { useEffect, useState } from 'preact/hooks';
import { liveState, onLiveState, startLive } from '../api/live.js';
import icon from '../icon.svg';
import { useShortcut } from '../keyboard.js';
import { NotAllowed } from '../pages/not-found.js';
import { type FoundPage, GROUPS, PAGES, type PageEntry } from '../pages.js';
import { navigate } from '../router.js';
import { useSession } from '../session.js';
import { focusFirstRow } from '../ui/table.js';
import { KeyHelp } from './key-help.js';
import { ThemeChoice } from './theme-choice.js';

export function Shell({ path, page }: { readonly path: string; readonly page: FoundPage }) {
  const session = useSession();
  const [open, setOpen] = useState(false);
  const [help, setHelp] = useState(false);
  useEffect(startLive, []);
  useEffect(() => setOpen(false), [path]);
  useShortcut('?', 'show this list', () => setHelp(true));
  useShortcut('/', 'search on this page', focusSearch);
  useShortcut('j', 'to the first row; arrow keys go on from there', focusFirstRow);
  const allowed = PAGES.filter(({ need }) => need === 'public' || session.can(need));
  return (
    <div class="frame">
      <a class="skip" href="#content">
        To the content
      </a>
      <header class="side" data-open={open ? '' : undefined}>
        <div class="side-top">
          <a class="brand" href="/">
            <img src={icon} alt="" />
            Resplice
          </a>
          <button
            type="button"
            class="menu-button"
            aria-expanded={open}
            aria-controls="navigation"
            onClick={() => setOpen(!open)}
          >
            Menu
          </button>
        </div>
        <nav id="navigation" aria-label="Pages">
          {GROUPS.map((group) => (
            <NavGroup
              key={group}
              title={group}
              pages={allowed.filter((each) => each.group === group)}
              page={page}
            />
          ))}
        </nav>
        <SideEnd onHelp={() => setHelp(true)} />
      </header>
      <main id="content" tabIndex={-1} key={path}>
        {page.need === 'public' || session.can(page.need) ? page.show() : <NotAllowed need={page.need} />}
      </main>
      {help && <KeyHelp onClose={() => setHelp(false)} />}
    </div>
  );
}

interface NavGroupProps {
  readonly title: string;
  readonly pages: readonly PageEntry[];
  readonly page: FoundPage;
}

function NavGroup({ title, pages, page }: NavGroupProps) {
  if (pages.length === 0) return null;
  return (
    <div>
      <h2>{title}</h2>
      <ul>
        {pages.map((each) => (
          <li key={each.pattern}>
            <a href={each.pattern} aria-current={each.pattern === page.pattern ? 'page' : undefined}>
              {each.title}
            </a>
            {each.key !== undefined && <GoKey entry={each} letter={each.key} />}
          </li>
        ))}
      </ul>
    </div>
  );
}

function GoKey({ entry, letter }: { readonly entry: PageEntry; readonly letter: string }) {
  useShortcut(`g ${letter}`, `go to ${entry.title}`, () => navigate(entry.pattern));
  return null;
}

function SideEnd({ onHelp }: { readonly onHelp: () => void }) {
  const { me, logOut } = useSession();
  const [state, setState] = useState(liveState());
  useEffect(() => onLiveState(() => setState(liveState())), []);
  return (
    <div class="side-end">
      <div class="row">
        <span class="live" title={LIVE_TEXT[state]}>
          <span class={`dot ${state === 'live' ? 'good' : 'quiet'}`} />
          {state === 'live' ? 'Live' : state === 'polling' ? 'Every 30 s' : 'Connecting'}
        </span>
        <button type="button" class="small" onClick={onHelp}>
          Keys <kbd>?</kbd>
        </button>
      </div>
      <ThemeChoice />
      <div class="row">
        <span title={`role: ${me.role}`}>
          <a href="/account">{me.actor.replace(/^user /, '')}</a>
        </span>
        <button type="button" class="small" onClick={logOut}>
          Log out
        </button>
      </div>
    </div>
  );
}

const LIVE_TEXT = {
  live: 'Changes show up as they happen',
  polling: 'The stream of events is not available; pages ask for changes twice a minute',
  connecting: 'Connecting to the stream of events',
} as const;

function focusSearch(): void {
  const search = document.querySelector<HTMLInputElement>('main input[type=search]');
  search?.focus();
  search?.select();
}
