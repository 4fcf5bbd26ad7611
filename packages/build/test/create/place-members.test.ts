import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { findTypeUses, type MemberPlaces, type SourceText } from '@resplice/engine';
import { placeNewMembers } from '../../src/create/place-members.js';
import type { TypeFinding } from '../../src/create/type-finding.js';
import { applyPatches } from '../../src/patch/patch-stack.js';

const BEFORE = 'struct t {\n\tvoid *p;\n\tint a;\n};\nint f(struct t *t)\n{\n\treturn t->a;\n}\n';
const AFTER = BEFORE.replace('\tvoid *p;', '\tint n;\n\tvoid *p;');
const PLACED = BEFORE.replace('\tint a;', '\tint a;\n\tint n;');

interface Case {
  readonly file?: string;
  readonly after?: string;
  readonly more?: string;
  readonly internal?: boolean;
  readonly addsState?: boolean;
  readonly places?: MemberPlaces | undefined;
}

const place = async ({
  file = 'x.c',
  after = AFTER,
  more = '',
  internal = true,
  addsState = false,
  ...rest
}: Case) => {
  const texts: readonly SourceText[] = [{ path: file, text: BEFORE + more }];
  const places = 'places' in rest ? rest.places : { added: [{ name: 'n', behind: 'a' }], kept: [] };
  const finding: TypeFinding = {
    type: 'struct t',
    file,
    change: {
      type: 'struct t',
      kind: 'layout',
      sizeBefore: 16,
      sizeAfter: 24,
      members: [{ name: 'n', change: 'added', before: null, after: 'int at offset 0 (4 bytes)' }],
      found: '',
      places,
    },
    found: '',
    uses: findTypeUses('struct t', texts),
    usedBy: [],
    alsoIn: [],
    verdict: { class: 'layout', safe: false, because: '' },
    unloaded: [],
    internal,
  };
  const sources = new Map([
    [file, { before: Buffer.from(BEFORE), after: Buffer.from(after), origins: [], moves: [] }],
  ]);
  return placeNewMembers(sources, [finding], texts, addsState);
};

describe('new members put into unused bytes', () => {
  it('makes a patch that applies on top and moves the declaration', async () => {
    const patch = await place({});
    assert.ok(patch !== undefined);
    assert.equal(patch.subject, 'struct t with the layout that existing objects have');
    const files = await applyPatches([patch], async () => Buffer.from(AFTER));
    assert.equal(Buffer.from(files.get('x.c')?.after ?? []).toString(), PLACED);
  });

  it('keeps the place of a member that goes', async () => {
    const after = BEFORE.replace('\tint a;\n', '').replace('t->a', '0');
    const patch = await place({ after, places: { added: [], kept: ['a'] } });
    assert.ok(patch !== undefined);
    const files = await applyPatches([patch], async () => Buffer.from(after));
    assert.equal(Buffer.from(files.get('x.c')?.after ?? []).toString(), BEFORE.replace('t->a', '0'));
  });

  it('goes past a range of bytes that has both places', async () => {
    const more = 'long n = 100 - offsetof(struct t, z);\n';
    assert.ok((await place({ more, after: AFTER.replace('int a;', 'int a;\n\tint z;') })) !== undefined);
  });

  it('leaves variables with names in their initialiser alone', async () => {
    assert.ok(
      (await place({
        more: 'struct t one\n#ifdef X\n__data\n#endif\n= {\n#ifdef X\n\t.a = 1,\n#endif\n};\n',
      })) !== undefined,
    );
  });

  for (const [fact, change] of [
    ['there is no place', { places: undefined }],
    ['programs know the type', { file: 'include/uapi/x.h' }],
    ['it may be a format of others', { internal: false }],
    ['what a lost member holds may be elsewhere', { places: { added: [], kept: ['a'] }, addsState: true }],
    ['it is packed', { after: AFTER.replace('};', '} __packed;') }],
    ['a variable is one, without names', { more: 'static struct t one = { 0, 1 };\n' }],
    ['a variable holds one', { more: 'struct h { struct t t; };\nstatic struct h one;\n' }],
    [
      'one is initialised by the order of members',
      { more: 'int g(void)\n{\n\tstruct t x = { NULL, 1 };\n\treturn f(&x);\n}\n' },
    ],
    [
      'members are copied from one to another',
      { more: 'int g(struct t *t)\n{\n\tmemset_after(t, 0, p);\n}\n' },
    ],
    ['a macro says what a variable holds', { more: 'static struct t one = T_INIT(3);\n' }],
    ['a table holds some', { more: 'static struct t many[] __used = { { .a = 1 } };\n' }],
    [
      'a range of bytes ends between both places',
      { more: 'long n = sizeof(struct t) - offsetof(struct t, p);\n' },
    ],
    ['the declaration shares its line', { after: AFTER.replace('int n;', 'int n, m;') }],
  ] as const satisfies readonly (readonly [string, Case])[]) {
    it(`is not tried when ${fact}`, async () => assert.equal(await place(change), undefined));
  }
});
