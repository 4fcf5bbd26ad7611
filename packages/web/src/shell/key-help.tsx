import { listShortcuts } from '../keyboard.js';
import { Dialog } from '../ui/dialog.js';

export function KeyHelp({ onClose }: { readonly onClose: () => void }) {
  const shortcuts = [...listShortcuts()].sort((a, b) => (a.keys < b.keys ? -1 : 1));
  return (
    <Dialog title="Keys" onClose={onClose}>
      <dl class="facts">
        {shortcuts.map(({ keys, title }) => (
          <div key={keys} class="fact">
            <dt>
              {keys.split(' ').map((key) => (
                <kbd key={key}>{key}</kbd>
              ))}
            </dt>
            <dd>{title}</dd>
          </div>
        ))}
        <div class="fact">
          <dt>
            <kbd>Esc</kbd>
          </dt>
          <dd>close what is open</dd>
        </div>
      </dl>
    </Dialog>
  );
}
