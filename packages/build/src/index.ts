export {
  type CreatedUpdate,
  type CreateRequest,
  type CreateStatistics,
  createUpdate,
} from './create/create-update.js';
export { type KernelModel, loadKernelModel } from './create/kernel-model.js';
export { findTypes } from './create/object-types.js';
export { renderSkeleton, writeSkeletonPatch } from './create/skeleton.js';
export { readSource } from './create/sources.js';
export { openWorkshop, type Workshop } from './create/workshop.js';
export { type Apt, refreshPackageLists, systemApt } from './debian/apt.js';
export { type ChangelogEntry, parseChangelog, readChangelog } from './debian/changelog.js';
export { type FetchedKernel, fetchKernel, listFetchedKernels } from './debian/fetch-kernel.js';
export { resolveSource, type SourceVersion } from './debian/fetch-source.js';
export { formatKernel, type KernelIdentity } from './debian/kernel-identity.js';
export { findModuleFile, listModules, moduleName, readModule } from './debian/module-file.js';
export { type KernelOffer, listOfferedKernels } from './debian/offered-kernels.js';
export { resolveKernel } from './debian/resolve-kernel.js';
export { diffSources } from './debian/source-diff.js';
export { cacheRoot, type WorkOptions } from './debian/store.js';
export { type CheckedSplit, checkRelease } from './evaluate/check-release.js';
export { type EvaluationRequest, evaluateRelease, type GuestTrial } from './evaluate/evaluate-release.js';
export {
  type Evaluation,
  type EvaluationSummary,
  summarize,
  type UnitReason,
  type UnitResult,
  type UnitVerdict,
} from './evaluate/evaluation.js';
export { isIncomplete, joinIncomplete, type UnitAnswers } from './evaluate/join-incomplete.js';
export type { Retry } from './evaluate/judge-all.js';
export { identifyProgram } from './evaluate/program-identity.js';
export { parsePatch, parsePatches } from './patch/diff-parser.js';
export { readGitPatches } from './patch/git-range.js';
export type { PatchFile } from './patch/patch-model.js';
export { readPatchFiles } from './patch/patch-reader.js';
export { addKernel } from './self-built/add-kernel.js';
export { type IncompleteUnit, joinSeries } from './split/join-series.js';
export { type ReleaseSplit, type SplitRequest, splitRelease } from './split/split-release.js';
export type { CveTie, ReleaseUnit } from './split/unit.js';
export { checkBuildTools, type MissingTool } from './tree/build-tools.js';
export { compileObjects } from './tree/compile-objects.js';
export { type PreparedTree, prepareTree } from './tree/prepare-tree.js';
