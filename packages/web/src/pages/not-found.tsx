import { Page } from '../ui/page.js';

export function NotFound({ path }: { readonly path: string }) {
  return (
    <Page title="There is no such page" lead={<code>{path}</code>}>
      <p>
        <a href="/">To the machines</a>, or press <kbd>?</kbd> for the keys that lead to each page.
      </p>
    </Page>
  );
}

export function NotAllowed({ need }: { readonly need: string }) {
  return (
    <Page title="Your role does not include this page">
      <p>It needs the right “{need}”. An administrator can give you a role that has it, under Users.</p>
    </Page>
  );
}
