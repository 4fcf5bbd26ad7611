// An update as people read it: what it is for, for which kernel, and for each function why it is replaced.

import type { ChangedType, Manifest, PatchedObject, ReplacedFunction } from '@resplice/update';
import { alignColumns, count, formatBytes } from './printed-text.js';

/** Lines without a closing empty one. `moduleSize` in bytes, when known. */
export function renderManifest(manifest: Manifest, moduleSize?: number): readonly string[] {
  const { kernel, tools, module } = manifest;
  const exits = manifest.objects.some(({ exit }) => exit !== null);
  const functions = manifest.objects.reduce((sum, object) => sum + object.functions.length, 0);
  const size = moduleSize === undefined ? '' : `, ${formatBytes(moduleSize)}`;
  const forced = tools.compilerOverride === null ? '' : `, instead of ${tools.compilerOverride}`;
  const facts = [
    ['update', manifest.id],
    ['fixes', manifest.cves.join(', ')],
    ['description', manifest.description],
    ['kernel', `${kernel.release} (${kernel.version}, ${kernel.architecture})`],
    ['build id', kernel.buildId],
    ['engine', `${manifest.engine}: ${manifest.engineReason}`],
    ['requires', manifest.requires.join(', ')],
    ...renderUnloaded(manifest),
    ['module', `${module.name}${size}, ${module.signed ? 'signed' : 'not signed'}`],
    ['made with', `resplice ${tools.resplice}, ${tools.compiler}${forced}`],
    ...manifest.patches.map(({ file, subject }, index) => [
      index === 0 ? 'patches' : '',
      subject === '' ? file : `${file}: ${subject}`,
    ]),
    [
      'changes',
      `${count(functions, 'function')}${exits ? ' and exit code' : ''} in ${count(manifest.objects.length, 'kernel object')}`,
    ],
    ...manifest.notBuilt.map((object, index) => [index === 0 ? 'not built' : '', object]),
  ].filter(([, value]) => value !== '');
  return [
    ...alignColumns(facts),
    ...renderCustom(manifest.custom),
    ...renderTypes(manifest.types),
    ...manifest.objects.flatMap((object) => ['', ...renderObject(object, manifest.engine)]),
  ];
}

/** Under which condition it applies. */
export function renderUnloaded({ requiresUnloaded = [] }: Manifest): readonly (readonly [string, string])[] {
  return requiresUnloaded.flatMap(({ module, because }) => [
    ['applies only', `while ${module} is not loaded; undone likewise`] as const,
    ...because.map((why) => ['', `because of ${why}`] as const),
  ]);
}

/** Hooks, and what the author of the patch answers for. */
export function renderCustom({ hooks, shadow, ignored, handled }: Manifest['custom']): readonly string[] {
  const lines = [
    ...hooks.map(
      ({ kind, function: name, object, source }) => `  hook ${kind}: ${name} (${object}, ${source})`,
    ),
    ...shadow.map(({ name, type, source }) => `  shadow variable ${name}: ${type} (${source})`),
    ...ignored.map(({ what, name, why, source }) => `  ignored ${what} ${name}: ${why} (${source})`),
    ...handled.map(({ what, name, why, source }) => `  handled ${what} ${name}: ${why} (${source})`),
  ];
  return lines.length === 0 ? [] : ['', 'custom code', ...lines];
}

/** Types that the patch changes, and why objects that exist can bear it. */
export function renderTypes(types: readonly ChangedType[] = []): readonly string[] {
  const lines = types.flatMap(({ type, file, found, because, allocatedBy, partOf, usedBy, alsoIn }) => [
    `  ${type}${file === '' ? '' : ` (${file})`}: ${found}`,
    `    safe: ${because}`,
    ...(
      [
        ['allocated by', allocatedBy],
        ['part of', partOf],
        ['used by', usedBy],
        ['also in', alsoIn],
      ] as const
    ).flatMap(([label, names]) => (names.length === 0 ? [] : [`    ${label} ${listSome(names)}`])),
  ]);
  return lines.length === 0 ? [] : ['', 'changed types', ...lines];
}

function listSome(names: readonly string[], most = 6): string {
  const rest = names.length - most;
  return rest <= 0 ? names.join(', ') : `${names.slice(0, most).join(', ')} and ${rest} more`;
}

/** Read-only data that is changed where it is. */
function renderData({ data }: Manifest['objects'][number]): readonly string[] {
  return data.map(({ name, address, before }) => {
    const size = Buffer.from(before, 'base64').length;
    return `  changes ${name} in place (${count(size, 'byte')} at ${address ?? 'its beginning'})`;
  });
}

/** Pointers of live data that lead into the update while it is applied. */
function renderPointers({ pointers = [] }: Manifest['objects'][number]): readonly string[] {
  return pointers.map(({ name, at, to }) => `  leads ${name}+0x${at.toString(16)} to ${to} of the update`);
}

function renderObject(object: PatchedObject, engine: Manifest['engine']): readonly string[] {
  const stays =
    object.reloadable || engine === 'trampoline'
      ? ''
      : '; once unloaded, it cannot be loaded again until the update is undone';
  const title = `${object.name} (${object.sources.join(', ')})${stays}`;
  const added = object.added.map(({ name, kind, size, addressTaken }) => {
    const stays = addressTaken ? '; its address is taken, so undo needs --force' : '';
    return `  added ${kind} ${name}, ${formatBytes(size)}${stays}`;
  });
  const exit =
    object.exit === null ? [] : [`  runs ${object.exit} of the update when the module is unloaded`];
  return [
    title,
    ...object.functions.flatMap(renderFunction),
    ...renderData(object),
    ...renderPointers(object),
    ...exit,
    ...added,
  ];
}

function renderFunction(replaced: ReplacedFunction): readonly string[] {
  const { name, position, address, size, newSize, source, firstDifference: first, coexists } = replaced;
  const rank = position === 0 ? '' : `, number ${position} of that name`;
  const place = address === null ? '' : ` at ${address}`;
  const head = `  replaces ${name}${rank}${place}, ${size} bytes by ${newSize} (${source})${coexists ? '; threads may stay in the old code' : ''}`;
  if (first === null) return [head];
  const offset = (value: number): string => `+0x${value.toString(16)}`;
  const rows = [
    ['    before', offset(first.offsetBefore), first.before],
    ['    after', offset(first.offsetAfter), first.after],
  ];
  return [head, '    first difference:', ...alignColumns(rows)];
}
