// A unit, or several as one, through create, as data that can be kept: the update or the reasons, and what a reviewer sees of it. The answer is
// looked up by everything that it depends on, so no worker makes what another one has made, and a worker that takes up the job of a dead one
// finds what that one had finished. Updates are for the trampoline engine, since only that one can replace a cumulative update by the next
// in one moment; a unit that it cannot carry may become one for the livepatch engine, which stands for itself.

import { type CreateRequest, createUpdate, type PatchFile, writeSkeletonPatch } from '@resplice/build';
import { ConversionDetail } from '@resplice/protocol/factory';
import { formatSubject, RespliceError } from '@resplice/report';
import { artefactName, hashOf, keepArtefact, readArtefact } from '@resplice/server/factory';
import { encodeUpdate, parseUpdate, type Update } from '@resplice/update';
import { z } from 'zod';
import { describeConversion } from '../detail/describe-conversion.js';
import { readShippedNames } from '../detail/shipped-names.js';
import type { JobContext } from '../job-context.js';

export interface UpdateWish {
  readonly kernel: string;
  readonly patches: readonly PatchFile[];
  /** Code that a person wrote, on top of them. */
  readonly customCode: readonly PatchFile[];
  readonly cves: readonly string[];
  readonly description?: string | undefined;
  readonly id?: string | undefined;
  /** It need not be a part of others: what the trampoline engine is refused for, the livepatch engine may do. */
  readonly mayStandAlone?: boolean;
}

const Reason = z.object({ code: z.string(), subject: z.string(), found: z.string() });

/** What is kept of an answer. */
const MadeUpdate = z.object({
  update: z
    .object({
      id: z.string(),
      length: z.number(),
      sha256: z.string(),
      engine: z.string(),
      functions: z.number(),
      buildId: z.string(),
      requiresUnloaded: z.array(z.string()),
    })
    .nullable(),
  reasons: z.array(Reason),
  detailSha256: z.string().nullable(),
  hasSkeleton: z.boolean(),
});
export type MadeUpdate = z.infer<typeof MadeUpdate>;

/** Why nothing was made, one reason a line. */
export function listReasons({ reasons }: MadeUpdate): string {
  return reasons.map(({ code, subject, found }) => `${code}: ${subject}: ${found}`).join('\n');
}

const EMPTY: ConversionDetail = {
  functions: [],
  types: [],
  sections: [],
  added: [],
  statements: [],
  skeleton: null,
};

export async function makeUpdate(context: JobContext, wish: UpdateWish): Promise<MadeUpdate> {
  const question = hashOf(
    JSON.stringify([
      context.program,
      wish.kernel,
      [...wish.patches, ...wish.customCode].map(({ bytes }) => hashOf(bytes)),
      [...wish.cves].sort(),
      wish.description,
      wish.id,
      wish.mayStandAlone ?? false,
    ]),
  );
  const { artefacts, job, note } = context;
  const known = await readArtefact(artefacts, job.organisationId, 'result', question);
  if (known !== undefined) {
    note('this was made before');
    return MadeUpdate.parse(JSON.parse(known.toString('utf8')));
  }
  const made = await create(context, wish);
  const name = `${job.organisationId}/${artefactName('result', question)}`;
  await artefacts.put(name, Buffer.from(JSON.stringify(made)));
  return made;
}

/** Throws what says nothing about the patch: a full disk, a kernel that cannot be had, an interruption. */
async function create(context: JobContext, wish: UpdateWish): Promise<MadeUpdate> {
  const { artefacts, job } = context;
  const request: CreateRequest = {
    kernel: wish.kernel,
    patches: [...wish.patches, ...wish.customCode],
    cves: wish.cves,
    description: wish.description,
    on: [],
    engine: 'trampoline',
    ...(wish.id === undefined ? {} : { id: wish.id }),
  };
  const first = await judge(context, request);
  const alone = wish.mayStandAlone === true && !first.ok ? await judgeAlone(context, request, first) : first;
  const verdict = alone.ok ? alone : first;
  if (!verdict.ok) {
    const detail = { ...EMPTY, skeleton: await findSkeleton(context, request, verdict.reasons) };
    const reasons = verdict.reasons.map(({ code, subject, found }) => ({
      code,
      subject: formatSubject(subject),
      found,
    }));
    return {
      update: null,
      reasons,
      detailSha256: await keepDetail(context, detail),
      hasSkeleton: detail.skeleton !== null,
    };
  }
  const { update } = verdict;
  const texts = [
    ...wish.patches.map((patch) => ({ patch, isCustom: false })),
    ...wish.customCode.map((patch) => ({ patch, isCustom: true })),
  ];
  const names = await readShippedNames(await context.openWorkshop(wish.kernel), update);
  const bytes = encodeUpdate(update);
  const { manifest } = update;
  return {
    update: {
      id: manifest.id,
      length: bytes.length,
      sha256: await keepArtefact(artefacts, job.organisationId, 'update', bytes),
      engine: manifest.engine,
      functions: manifest.objects.reduce((sum, { functions }) => sum + functions.length, 0),
      buildId: manifest.kernel.buildId,
      requiresUnloaded: (manifest.requiresUnloaded ?? []).map(({ module }) => module),
    },
    reasons: [],
    detailSha256: await keepDetail(context, describeConversion(update, texts, names)),
    hasSkeleton: false,
  };
}

type Reasons = (Awaited<ReturnType<typeof createUpdate>> & { readonly ok: false })['reasons'];
type Judged =
  | { readonly ok: true; readonly update: Update }
  | { readonly ok: false; readonly reasons: Reasons };

/**
 * By the livepatch engine: a module may be required not to be loaded yet, whose own file the update then takes care of (kmod/fresh.c), and ftrace
 * redirects where no jump has room. What is about the patch is so for both.
 */
async function judgeAlone(
  context: JobContext,
  request: CreateRequest,
  first: Judged & { readonly ok: false },
): Promise<Judged> {
  if (first.reasons.some(({ code }) => ABOUT_THE_PATCH.test(code))) return first;
  context.note(
    `not by jumps (${[...new Set(first.reasons.map(({ code }) => code))].join(', ')}); once more for the livepatch engine`,
  );
  return judge(context, { ...request, engine: 'livepatch' });
}

/** Errors that are about the patch are answers as well. */
async function judge(context: JobContext, request: CreateRequest): Promise<Judged> {
  const { progress, signal } = context;
  const workshop = await context.openWorkshop(request.kernel ?? '');
  try {
    const verdict = await createUpdate(request, { progress, signal, workshop });
    return verdict.ok ? { ok: true, update: verdict.value.update } : verdict;
  } catch (error) {
    signal.throwIfAborted();
    if (!(error instanceof RespliceError) || !ABOUT_THE_PATCH.test(error.code)) throw error;
    const found = error.message.slice(0, 6000);
    return { ok: false, reasons: [{ code: error.code, subject: {}, found } as Reasons[number]] };
  }
}

const ABOUT_THE_PATCH = /^(?:patch-|does-not-compile$|does-not-preprocess$|source-missing$)/;

async function findSkeleton(
  context: JobContext,
  request: CreateRequest,
  reasons: Reasons,
): Promise<string | null> {
  if (reasons.some(({ code }) => ABOUT_THE_PATCH.test(code))) return null;
  const { progress, signal } = context;
  return (await writeSkeletonPatch(request, reasons, { progress, signal })) ?? null;
}

function keepDetail({ artefacts, job }: JobContext, detail: ConversionDetail): Promise<string> {
  return keepArtefact(
    artefacts,
    job.organisationId,
    'detail',
    JSON.stringify(ConversionDetail.parse(detail)),
  );
}

/** Throws when it is not in the store any more. */
export async function readUpdateArtefact(
  { artefacts, job }: Pick<JobContext, 'artefacts' | 'job'>,
  sha256: string,
): Promise<Update> {
  const bytes = await readArtefact(artefacts, job.organisationId, 'update', sha256);
  if (bytes === undefined) throw new Error(`${artefactName('update', sha256)} is not in the artefact store`);
  return parseUpdate(bytes, artefactName('update', sha256));
}
